"""How a text names a model at less than its full strength."""

from __future__ import annotations

import pytest

from templates import at_strength
from templates.at_strength import AtStrength
from templates.errors import BadInput


def test_a_name_alone_means_full_strength() -> None:
    assert at_strength.read("tone") == AtStrength("tone", 1.0)
    assert (str(AtStrength("tone")), AtStrength("tone").words) == ("tone", "tone")


@pytest.mark.parametrize(("said", "strength"), [("tone@0.5", 0.5), ("tone@.25", 0.25), ("tone@1", 1.0)])
def test_a_strength_stands_behind_the_name(said: str, strength: float) -> None:
    found = at_strength.read(said)
    assert found == AtStrength("tone", strength)
    assert at_strength.read(str(found)) == found


def test_people_read_it_in_words() -> None:
    assert AtStrength("tone", 0.75).words == "tone, strength 0.75"


@pytest.mark.parametrize("said", ["tone@0", "tone@1.01", "tone@200"])
def test_what_is_out_of_range_is_refused(said: str) -> None:
    with pytest.raises(BadInput, match="isn't a strength"):
        at_strength.read(said)


@pytest.mark.parametrize("said", ["tone@", "tone@half", "@0.5", "a@b@0.5", "tone@-1", "tone@nan"])
def test_anything_else_is_a_name(said: str) -> None:
    assert at_strength.read(said).name == said
