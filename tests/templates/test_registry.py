"""Declarations are found by their files, and each says what it must."""

import sys
from pathlib import Path

import pytest

from templates import registry
from templates.errors import BadInput
from templates.spec import Method, Params

KINDS = {"methods": registry.methods, "objectives": registry.objectives, "shapes": registry.shapes}


@pytest.mark.parametrize("folder", KINDS)
def test_every_file_is_a_declaration_with_its_own_key(folder: str) -> None:
    found = KINDS[folder]()
    files = {p.stem for p in (Path(registry.__file__).parent / folder).glob("*.py")} - {"__init__"}
    assert set(found) == files
    for key, spec in found.items():
        assert spec.key == key
        assert spec.title
        assert spec.summary
        assert len(spec.page) > 20


def test_a_new_file_registers_by_existing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lora_twin.py").write_text(
        '"""A twin."""\nfrom templates.methods.lora import LoraParams\nfrom templates.spec import Method\n'
        'SPEC = Method(title="Twin", summary="As LoRA.", params=LoraParams, trains="adapter", peft_type="LORA",\n'
        "trainable_parameters=lambda params, facts: params.r)\n"
    )
    import templates.methods

    monkeypatch.setattr(templates.methods, "__path__", [*templates.methods.__path__, str(tmp_path)])
    registry.methods.cache_clear()
    try:
        assert registry.method("lora_twin").title == "Twin"
        assert registry.method("lora_twin").page == "A twin."
    finally:
        registry.methods.cache_clear()
        sys.modules.pop("templates.methods.lora_twin")


def test_a_file_without_spec_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty_one.py").write_text('"""Nothing."""\n')
    import templates.methods

    monkeypatch.setattr(templates.methods, "__path__", [*templates.methods.__path__, str(tmp_path)])
    registry.methods.cache_clear()
    try:
        with pytest.raises(TypeError, match=r"empty_one\.py must export SPEC"):
            registry.methods()
    finally:
        registry.methods.cache_clear()
        sys.modules.pop("templates.methods.empty_one")


def test_an_adapter_method_must_say_how_much_it_trains() -> None:
    with pytest.raises(TypeError, match="trainable_parameters"):
        Method(title="Twin", summary="As LoRA.", params=Params, trains="adapter")


def test_an_unknown_key_names_the_known_ones() -> None:
    with pytest.raises(BadInput) as caught:
        registry.method("lorra")
    assert ", ".join(registry.methods()) in str(caught.value)
    assert caught.value.problems[0].field == "method"


def _all_params() -> list[type[Params]]:
    return [m.params for m in registry.methods().values()] + [o.params for o in registry.objectives().values()]


@pytest.mark.parametrize("params", _all_params(), ids=lambda p: p.__name__)
def test_every_parameter_has_a_default_a_title_and_a_help_text(params: type[Params]) -> None:
    params()
    for name, field in params.model_fields.items():
        assert field.title, name
        assert field.description, name


@pytest.mark.parametrize("method", registry.methods())
def test_at_most_six_parameters_are_in_sight(method: str) -> None:
    for objective in registry.objectives():
        learned = registry.objective(objective).params
        idle = learned.idle_with(learned().model_dump())
        shown = [
            name
            for params in (registry.objective(objective).params, registry.method(method).params)
            for name, field in params.model_fields.items()
            if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("shown") and name not in idle
        ]
        assert 1 <= len(shown) <= 6, objective


@pytest.mark.parametrize("objective", registry.objectives().values(), ids=lambda o: o.key)
def test_objectives_take_known_shapes_and_have_three_valid_presets(objective: registry.Objective) -> None:
    assert set(objective.row_shapes) <= set(registry.shapes())
    assert set(objective.presets) == {"quick", "balanced", "thorough"}
    for preset in objective.presets.values():
        objective.params(**preset)
