"""Keeps what was measured of a base model, so that the next job on it need not measure it again."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from storage import files

Form = TypeVar("Form", bound=BaseModel)
log = logging.getLogger("studio.evaluation")


@dataclass(frozen=True)
class Kept:
    """The measurements of one base: `folder` is its own, None if nothing is kept."""

    folder: Path | None
    depends_on: Mapping[str, Any]
    """Everything that all its measurements depend on, besides their own particulars."""

    def read(self, form: type[Form], **particulars: Any) -> Form | None:
        """The measurement with these particulars; None if there is none, or if it can't be read."""
        path = self._path(form, particulars)
        if path is None or not path.is_file():
            return None
        try:
            return form.model_validate_json(path.read_bytes())
        except ValidationError:
            log.warning("%s can't be read and is measured again", path)
            return None

    def write(self, found: BaseModel, **particulars: Any) -> None:
        """Keep a measurement; two jobs that measure the same write the same."""
        path = self._path(type(found), particulars)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic_file(path) as file:
            file.write(found.model_dump_json().encode())

    def _path(self, form: type[BaseModel], particulars: Mapping[str, Any]) -> Path | None:
        if self.folder is None:
            return None
        whole = json.dumps({"form": form.model_json_schema(), **self.depends_on, **particulars}, sort_keys=True)
        return self.folder / f"{hashlib.sha256(whole.encode()).hexdigest()[:32]}.json"
