"""How many of a prompt's answers must agree, and on what."""

from typing import Literal

from templates.filter_settings import FilterSettings
from templates.spec import Params, setting


class Agreement(Params):
    """For the filter `agreement`."""

    min_agreement: float = setting(0.5, "Share of a prompt’s answers that must agree", gt=0, le=1)
    """For the filter `agreement`. 0.5: at least half of them. With less agreement, no answer to the prompt is kept."""
    agree_on: Literal["text", "number"] = setting("text", "What must be the same")
    """For the filter `agreement`. `text`: the whole answer. `number`: its last number; without one, none agree."""


SPEC = FilterSettings(Agreement)
