"""What the declarations promise is what was measured, and still holds with the packages that are installed."""

from __future__ import annotations

import pytest

from templates import capabilities, registry
from workers.workshop import capabilities as measured

STORED = measured.read()
AGAIN = "Measure again: python -m workers.workshop methods. Then compare the changes with the declarations."


def test_every_method_was_measured_with_the_packages_that_are_installed() -> None:
    assert set(STORED["methods"]) == set(registry.methods()), AGAIN
    assert STORED["versions"] == measured.versions(), AGAIN


@pytest.mark.parametrize("key", registry.methods())
def test_a_declaration_promises_what_was_measured(key: str) -> None:
    method, found = registry.method(key), STORED["methods"][key]
    assert list(method.quantizations) == found["precisions"]
    if method.trains == "adapter":
        assert method.mergeable == found["merges"]
        assert method.mixes(method.defaults) == found["mixes"]
    promised = {
        objective.key
        for objective in registry.objectives().values()
        if not objective.roles and not objective.repairs and not capabilities.refusals(objective, method)
    }
    assert promised <= set(found["objectives"])


@pytest.mark.long
@pytest.mark.parametrize("key", registry.methods())
def test_what_was_measured_still_holds(key: str) -> None:
    assert measured.of_method(key) == STORED["methods"][key], AGAIN
