"""The architectures that the installed transformers runs as causal language models.

It reads transformers' own table from the source file; importing transformers would load torch.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path

TABLE = "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"


@cache
def native() -> Mapping[str, str]:
    """Model type → class that transformers builds for it. Raises `LookupError` if its source has no such table."""
    spec = importlib.util.find_spec("transformers")
    if spec is None or spec.origin is None:
        raise LookupError("transformers is not installed")
    source = Path(spec.origin).parent / "models" / "auto" / "modeling_auto.py"
    for statement in ast.parse(source.read_text("utf-8")).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            continue
        if any(isinstance(name, ast.Name) and name.id == TABLE for name in statement.targets):
            return dict(ast.literal_eval(statement.value.args[0]))
    raise LookupError(f"{source} has no {TABLE}")


def version() -> str:
    """The version of the installed transformers."""
    return importlib.metadata.version("transformers")
