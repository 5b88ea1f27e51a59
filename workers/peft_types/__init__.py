"""Adapter types that PEFT lacks: one file each, registered with PEFT when this package is imported.

A file has the name of its method and imports nothing of the studio: it also goes into every download of its type,
where `use_me.py` imports it.
"""

from __future__ import annotations

import importlib
import pkgutil

KEYS = tuple(sorted(info.name for info in pkgutil.iter_modules(__path__)))
for _key in KEYS:
    importlib.import_module(f"{__name__}.{_key}")
