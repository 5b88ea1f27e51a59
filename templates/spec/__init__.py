"""Declares methods, objectives, row shapes and suites.

One declaration has five readers: the web form, the validation in the web, the validation in the
worker, the record on the job, and the reference (`studio methods --json`). A file in
`templates/methods/`, `templates/objectives/`, `templates/shapes/` or `templates/suites/` exports one `SPEC`;
its key is the file's name and its help page is the file's docstring. Nothing here imports more than pydantic.
"""

from templates.spec.base_facts import SMALL_BASE, BaseFacts
from templates.spec.goal import Goal
from templates.spec.method import QUANTIZATIONS, Change, Method, Part, Quantization, Settings
from templates.spec.objective import (
    BASE_BEHIND_ADAPTER,
    PRESET_TITLES,
    RECAST,
    REFERENCE_BESIDE,
    TO_COMPARE,
    WRITING,
    Cost,
    Need,
    Objective,
    Preset,
    View,
    Written,
)
from templates.spec.params import Params, TrainingParams, setting
from templates.spec.shape import FieldKind, RowShape, ShapeField
from templates.spec.suite import Ability, DeclaredSuite, Family, Phrasing, SuiteItem

__all__ = [
    "BASE_BEHIND_ADAPTER",
    "PRESET_TITLES",
    "QUANTIZATIONS",
    "RECAST",
    "REFERENCE_BESIDE",
    "SMALL_BASE",
    "TO_COMPARE",
    "WRITING",
    "Ability",
    "BaseFacts",
    "Change",
    "Cost",
    "DeclaredSuite",
    "Family",
    "FieldKind",
    "Goal",
    "Method",
    "Need",
    "Objective",
    "Params",
    "Part",
    "Phrasing",
    "Preset",
    "Quantization",
    "RowShape",
    "Settings",
    "ShapeField",
    "SuiteItem",
    "TrainingParams",
    "View",
    "Written",
    "setting",
]
