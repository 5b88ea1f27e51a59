"""Passes if the answer as a whole is one JSON value that fits the schema.

Blanks around it don't count; anything else does, also a code fence or a sentence before it. Keys may not repeat, and
`NaN` and `Infinity` are not JSON. The schema is JSON Schema (2020-12); `{}` accepts every JSON value. References lead
within the schema only, and patterns in it have the same limits as the check `regular_expression`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

from pydantic import field_validator

from templates import timed_patterns
from templates.spec import Params, setting
from templates.verifier import Verifier

REFERENCES = ("$ref", "$dynamicRef")
NAMED = ("properties", "$defs", "definitions", "dependentSchemas", "patternProperties")
"""Keywords that hold schemas by names that people choose."""
VALUES = ("const", "enum", "default", "examples")
"""Keywords that hold values, not schemas."""


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
        for flaw in (*_flaws(schema), *_dangling(schema)):
            raise ValueError(flaw)
        return value


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and those inside it: not what `properties` and the like are named, nor values such as `const`."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key, inner in schema.items():
        if key in VALUES:
            continue
        inside = inner.values() if key in NAMED and isinstance(inner, dict) else [inner]
        for one in inside:
            for part in one if isinstance(one, list) else [one]:
                yield from _parts(part)


def _flaws(schema: dict[str, Any]) -> Iterator[str]:
    """What a schema may not hold: references elsewhere, and patterns that run away."""
    for part in _parts(schema):
        for key in REFERENCES:
            if isinstance(part.get(key), str) and not part[key].startswith("#"):
                yield f"{key} “{part[key]}” leads out of the schema: put what it refers to under $defs"
        if "patternProperties" in part:
            yield "patternProperties is not supported: use properties"
        pattern = part.get("pattern")
        if isinstance(pattern, str) and (flaw := timed_patterns.flaw(pattern)):
            yield f"the pattern “{pattern}” {flaw}"


def _dangling(schema: dict[str, Any]) -> Iterator[str]:
    """References to what the schema does not have."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    known: Any = Registry().with_resource("", DRAFT202012.create_resource(schema))
    parts = list(_parts(schema))
    for part in parts:
        for key in REFERENCES:
            if not isinstance(part.get(key), str):
                continue
            try:
                target = known.resolver().lookup(part[key]).contents
            except Unresolvable:
                target = None
            if not isinstance(target, bool) and not any(target is one for one in parts):
                yield f"{key} “{part[key]}” leads nowhere in the schema"


@cache
def _validator(text: str) -> Any:
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend
    from referencing import Registry

    def pattern(_validator: Any, wanted: str, value: Any, _schema: Any) -> Iterator[Any]:
        if isinstance(value, str) and not timed_patterns.search(wanted, value, "json_schema"):
            yield ValidationError(f"does not match {wanted}")

    def multiple_of(_validator: Any, wanted: float, value: Any, _schema: Any) -> Iterator[Any]:
        # exactly, as the numbers are written: 19.99 is a multiple of 0.01. 1e999 is read as infinite, a ValueError
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and Fraction(str(value)) % Fraction(str(wanted)):
            yield ValidationError(f"is not a multiple of {wanted}")

    limited: Any = extend(Draft202012Validator, {"pattern": pattern, "multipleOf": multiple_of})  # type: ignore[no-untyped-call]
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
    except (ValueError, RecursionError, OverflowError):  # nested too deeply, or too large, to be read
        return False


SPEC = Verifier("JSON that fits a schema", _passes, Schema)
