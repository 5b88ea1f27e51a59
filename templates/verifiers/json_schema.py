"""Passes if the answer as a whole is one JSON value that fits the schema.

Blanks around it don't count; anything else does, also a code fence or a sentence before it. Keys may not repeat, and
`NaN` and `Infinity` are not JSON. The schema is JSON Schema (2020-12); `{}` accepts every JSON value. References lead
within the schema only, and patterns in it have the same limits as the check `regular_expression`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import field_validator

from templates import timed_patterns
from templates.spec import Params, setting
from templates.verifier import Verifier


class Schema(Params):
    """For the check `json_schema`."""

    json_schema: str = setting("{}", "JSON schema", shown=True, lines=3, min_length=2)
    """As JSON, such as `{"type": "object", "required": ["city"]}`. `{}` accepts every JSON value."""

    @field_validator("json_schema", mode="before")
    @classmethod
    def _schema_as_text(cls, value: Any) -> Any:
        return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value

    @field_validator("json_schema")
    @classmethod
    def _schema_is_usable(cls, value: str) -> str:
        from jsonschema import Draft202012Validator, SchemaError

        try:
            schema = json.loads(value)
        except ValueError as error:
            raise ValueError(f"is not valid JSON: {error}") from error
        if not isinstance(schema, dict):
            raise ValueError('must be a JSON object, such as {} or {"type": "object"}')
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"is not a JSON schema: {error.message}") from error
        for flaw in _flaws(schema):
            raise ValueError(flaw)
        return value


def _flaws(part: Any) -> Iterator[str]:
    """What a schema may not hold: references elsewhere, and patterns that run away."""
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _flaws(inner)
    if not isinstance(part, dict):
        return
    for key in ("$ref", "$dynamicRef"):
        if isinstance(part.get(key), str) and not part[key].startswith("#"):
            yield f"{key} “{part[key]}” leads out of the schema: put what it refers to under $defs"
    patterns = [part["pattern"]] if isinstance(part.get("pattern"), str) else []
    if isinstance(part.get("patternProperties"), dict):
        yield "patternProperties is not supported: use properties"
    for pattern in patterns:
        if flaw := timed_patterns.flaw(pattern):
            yield f"the pattern “{pattern}” {flaw}"


@cache
def _validator(text: str) -> Any:
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend
    from referencing import Registry

    def pattern(_validator: Any, wanted: str, value: Any, _schema: Any) -> Iterator[Any]:
        if isinstance(value, str) and not timed_patterns.search(wanted, value, "json_schema"):
            yield ValidationError(f"does not match {wanted}")

    limited: Any = extend(Draft202012Validator, {"pattern": pattern})  # type: ignore[no-untyped-call]
    return limited(json.loads(text), registry=Registry())  # an empty registry fetches nothing


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is repeated")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _passes(answer: str, _reference: str, settings: Schema) -> bool:
    try:
        value = json.loads(answer, object_pairs_hook=_once, parse_constant=_no_constant)
        return bool(_validator(settings.json_schema).is_valid(value))
    except (ValueError, RecursionError):  # nested too deeply to be read
        return False


SPEC = Verifier("JSON that fits a schema", _passes, Schema)
