"""Recipes are composed from choices, refused with every problem at once, and survive TOML."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import recipe, registry
from templates.errors import BadInput
from templates.spec import BaseFacts

FACTS = BaseFacts(
    architecture="LlamaForCausalLM",
    n_parameters=5_869_824,
    n_linear_parameters=4_800_000,
    hidden_size=256,
    intermediate_size=704,
    n_layers=6,
    n_heads=4,
    n_kv_heads=4,
    vocab_size=4096,
    context_length=1024,
    weights_bytes=11_739_648,
    stored_dtype="bfloat16",
)


def _problems(**kwargs: Any) -> dict[str | None, str]:
    with pytest.raises(BadInput) as caught:
        recipe.compose(**kwargs)
    return {p.field: str(p) for p in caught.value.problems}


def test_settings_win_over_preset_over_advice() -> None:
    plain = recipe.compose("sft", "lora", facts=FACTS)
    assert plain.objective_params["learning_rate"] == registry.method("lora").advised(FACTS)["learning_rate"]
    quick = recipe.compose("sft", "lora", preset="quick", facts=FACTS)
    assert quick.objective_params["num_train_epochs"] < plain.objective_params["num_train_epochs"]
    chosen = recipe.compose("sft", "lora", preset="quick", settings={"num_train_epochs": 2.5, "r": 4}, facts=FACTS)
    assert chosen.objective_params["num_train_epochs"] == 2.5
    assert chosen.method_params["r"] == 4


def test_every_problem_is_said_at_once() -> None:
    problems = _problems(
        objective="sft",
        method="full",
        settings={"quantization": "nf4", "learning_rate": -1, "max_length": "long", "rnak": 3},
        facts=FACTS,
    )
    assert set(problems) == {"quantization", "learning_rate", "max_length", "rnak"}
    assert "lora" in problems["quantization"]
    assert "per_device_train_batch_size" in problems["rnak"]


@pytest.mark.parametrize("value", [0, -1, 1e308, "NaN", float("nan"), float("inf"), "text", None, True, [1]])
def test_hostile_numbers_are_refused(value: Any) -> None:
    assert "learning_rate" in _problems(objective="sft", method="lora", settings={"learning_rate": value})


def test_a_row_length_beyond_the_context_is_refused() -> None:
    assert "1024" in _problems(objective="sft", method="lora", settings={"max_length": 4096}, facts=FACTS)["max_length"]


@given(
    epochs=st.floats(0.01, 1000, allow_nan=False),
    rank=st.integers(1, 256),
    quantization=st.sampled_from(["none", "int8", "nf4"]),
    preset=st.sampled_from(["quick", "balanced", "thorough"]),
)
def test_toml_gives_the_same_recipe_back(epochs: float, rank: int, quantization: Any, preset: Any) -> None:
    made = recipe.compose(
        "sft",
        "lora",
        preset=preset,
        quantization=quantization,
        settings={"num_train_epochs": epochs, "r": rank},
        facts=FACTS,
    )
    assert recipe.compose(**recipe.read_toml(recipe.to_toml(made)), facts=FACTS) == made


@pytest.mark.parametrize("name", recipe.named())
def test_named_recipes_compose(name: str) -> None:
    made = recipe.compose(**recipe.read_toml(recipe.named()[name], f"{name}.toml"), facts=FACTS)
    assert made.training().num_train_epochs > 0
    made.adaptation()


def test_qlora_is_lora_on_nf4() -> None:
    made = recipe.compose(**recipe.read_toml(recipe.named()["qlora"]))
    assert (made.method, made.quantization) == ("lora", "nf4")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("objective = ", "not valid TOML"),
        ("method = 'lora'", "objective"),
        ("objective = 'sft'\nmethod = 'lora'\nlearnign_rate = 1", "learnign_rate"),
        ("objective = 'sft'\nmethod = 'lora'\nmethod_params = 3", "must be a table"),
    ],
)
def test_bad_recipe_files_are_named(text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        recipe.read_toml(text, "mine.toml")
    assert says in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_settings_that_do_not_go_together_are_refused() -> None:
    start = {"init_lora_weights": "pissa"}
    assert recipe.compose("sft", "lora", settings=start).method_params["init_lora_weights"] == "pissa"
    for other in ({"quantization": "nf4"}, {"use_dora": True}):
        assert "pissa" in _problems(objective="sft", method="lora", settings={**start, **other})["init_lora_weights"]
    both = {"use_dora": True, "quantization": "int8"}
    assert "int8" in _problems(objective="sft", method="lora", settings=both)["use_dora"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"learning_rate": 50}, "must be at most 1 (got 50)."),
        ({"num_train_epochs": 0}, "must be more than 0 (got 0)."),
        ({"max_length": 2_000_000}, "must be at most 1048576 (got 2000000)."),
        ({"lora_dropout": -1}, "must be at least 0 (got -1)."),
    ],
)
def test_a_value_out_of_bounds_is_refused_in_words(settings, said):
    with pytest.raises(BadInput) as refused:
        recipe.compose("sft", "lora", settings=settings)
    assert [problem.message for problem in refused.value.problems] == [said]


def test_a_file_may_name_what_to_learn_from() -> None:
    text = 'objective = "sft"\nmethod = "lora"\ndata = ["tickets:0.7", "moods:0.3"]\nreplay = ["general"]\n'
    read = recipe.read_toml(text)
    assert (read.pop("data"), read.pop("replay")) == (["tickets:0.7", "moods:0.3"], ["general"])
    assert "data" not in recipe.to_toml(recipe.compose(**read))
    with pytest.raises(BadInput, match="must be a list of texts"):
        recipe.read_toml('objective = "sft"\nmethod = "lora"\ndata = "tickets:0.7"\n')
