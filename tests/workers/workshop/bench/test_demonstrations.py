"""Every demonstration runs on a tiny model and says what it shows; what they count, they count right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from storage.runs.bootstrap import paired_shares
from templates.errors import BadInput, StudioError
from workers.workshop.__main__ import main
from workers.workshop.bench import gradient_descent, intents, measure, table
from workers.workshop.bench.demonstrations import distillation, dpo, edit_facts, few_shot, open_book
from workers.workshop.bench.outcome import Measurement, Outcome
from workers.workshop.bench.setup import ModelFiles, Question, Setup, right

KEYS = ["continued_pretraining", "distillation", "dpo", "edit_facts", "few_shot", "open_book", "qlora", "sft"]
CHANGES_NO_WEIGHT = ("few_shot", "open_book")


@pytest.fixture
def setup(tiny_model_folder: Path, tmp_path: Path) -> Setup:
    """Both models are the tiny one; the fewest rows."""
    files = ModelFiles(tiny_model_folder)
    return Setup(small=files, nano=files, folder=tmp_path, share=0.02)


def test_every_file_is_a_demonstration_with_a_page() -> None:
    found = measure.demonstrations()
    assert list(found) == KEYS
    assert all(show.key == key and show.title and show.page for key, show in found.items())


def test_choosing() -> None:
    assert [show.key for show in measure.select([])] == KEYS
    assert [show.key for show in measure.select(["sft", "dpo", "sft"])] == ["sft", "dpo"]
    with pytest.raises(BadInput, match=r"no demonstration “rlhf”.*Choose from: continued_pretraining, distillation"):
        measure.select(["rlhf"])


@pytest.mark.long
@pytest.mark.parametrize("key", KEYS)
def test_it_runs_and_shows_what_it_promises(setup: Setup, key: str) -> None:
    heard: list[str] = []
    setup.say = heard.append
    found = measure.run(measure.demonstrations()[key], setup)
    json.dumps(found, allow_nan=False)
    shown = Outcome.model_validate({name: found[name] for name in Outcome.model_fields})
    assert shown.rows
    assert shown.verdict
    assert shown.target
    assert shown.settings
    assert (shown.forgetting is None) == (key in CHANGES_NO_WEIGHT)
    assert found["in_time"]
    assert heard[0] == found["title"]
    assert all(row.n >= 4 and row.after.low <= row.after.value <= row.after.high for row in shown.rows)


def test_answers_come_in_the_order_of_the_questions(setup: Setup) -> None:
    asked = [Question(({"role": "user", "content": f"Say {'so ' * i}"},), "yes" * (1 + i % 3)) for i in range(5)]
    model = setup.load(setup.small)
    together = setup.answers(model, setup.small, asked)
    assert together == [setup.answers(model, setup.small, [one])[0] for one in asked]
    too_long = Question(({"role": "user", "content": "so " * 400},), "yes")
    assert setup.answers(model, setup.small, [too_long]) == [None]


def test_an_answer_is_right_by_the_part_that_counts() -> None:
    question = Question((), "Velmara.", part=lambda text: text.strip(" ."))
    assert question.right(" Velmara")
    assert not question.right("Groha.")
    assert not question.right(None)
    assert right([question] * 2, ["Velmara", None]).tolist() == [True, False]


def test_the_word_of_a_preference_does_not_count_in_the_suite(setup: Setup) -> None:
    plain, polite = setup._suite(""), setup._suite("Sure! ")
    assert plain.sha256 == polite.sha256
    assert {item.phrasing for item in plain.items} == {"known"}
    part = next(iter(polite.abilities["repeat"].parts.values()))
    assert part("Sure! red cow") == part("red cow") == "red cow"


def test_the_same_seed_gives_the_same_draws(setup: Setup) -> None:
    assert setup.draw("x", 3).word() == setup.draw("x", 3).word()
    words = {setup.draw("x", i).word() for i in range(20)}
    assert len(words) > 5


def test_bm25_finds_the_document_with_the_rare_word() -> None:
    index = open_book.Index(["the red cow sleeps", "the blue cow", "the cow and the cow and the cow", "a pig"])
    assert index.best("Is the cow blue?", 1) == [1]
    assert index.best("Which pig?", 2)[0] == 3
    assert index.best("nothing known", 2) == [0, 1]


def test_examples_are_balanced_and_hold_the_asked_text_not(setup: Setup) -> None:
    from workers.workshop.world.labellings import labelling

    for number in range(8):
        draw = setup.draw("few", number)
        chosen = labelling(draw, 2)
        found = few_shot._questions(chosen, draw, number)
        by_k = {k: question.messages[0]["content"] for k, question in found.items()}
        assert by_k[8].startswith(by_k[4].removesuffix(by_k[0]))
        assert by_k[8].endswith(by_k[0])
        assert {question.answer for question in found.values()} <= set(chosen.labels.values())


def test_other_facts_are_neither_taught_nor_replayed(setup: Setup) -> None:
    setup.share = 1.0
    test = edit_facts._EditTest(setup)
    asked = [{q.messages[0]["content"] for q in part} for part in (test.taught, test.paraphrased, test.replayed)]
    local = {q.messages[0]["content"] for q in test.local}
    assert len(test.taught) == 5
    assert len(local) >= 200
    assert all(local.isdisjoint(part) for part in asked)
    assert asked[0].isdisjoint(asked[1])


def test_locality_is_the_same_answer_as_before_by_nearness(setup: Setup) -> None:
    setup.share = 1.0
    test = edit_facts._EditTest(setup)
    before: list[list[str | None]] = [["x"] * 5, ["x"] * len(test.paraphrased), ["x"] * len(test.local)]
    after = [[q.answer for q in test.taught], before[1], ["x" if near == "unrelated" else None for near in test.near]]
    rows = {row.measure: row.after.value for row in test.rows("a", before, after)}
    assert (rows["a: efficacy"], rows["a: paraphrase"]) == (1.0, 0.0)
    assert rows["a: locality"] == test.near.count("unrelated") / len(test.near)
    assert rows["a: of them, same relation"] == rows["a: of them, same subject"] == 0.0


def test_preferences_are_tested_on_other_questions(setup: Setup) -> None:
    taken = {"Repeat: cow"}
    asked = dpo._questions(setup, 60, taken)
    prompts = [question.messages[-1]["content"] for question in asked]
    assert len(set(prompts)) == 60
    assert taken == {"Repeat: cow", *prompts}


def test_a_student_comes_to_its_teachers_distribution(setup: Setup) -> None:
    teacher = setup.load(setup.small)
    prompts = distillation._questions(intents.split(setup)[0])[:6]
    examples = distillation._answered(setup, teacher, prompts)
    assert len(examples) == 6
    assert distillation._divergence(teacher, teacher, examples).item() == pytest.approx(0.0, abs=1e-5)
    student = setup.load(setup.small)
    torch.manual_seed(1)
    for parameter in student.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    before = distillation._divergence(student, teacher, examples).item()
    gradient_descent.minimize(
        student,
        [examples] * 15,
        lambda batch: distillation._divergence(student, teacher, batch),
        learning_rate=3e-3,
        say=print,
    )
    assert distillation._divergence(student, teacher, examples).item() < 0.7 * before


def test_models_of_two_families_cannot_be_distilled(setup: Setup, nano_folder: Path) -> None:
    other = ModelFiles(nano_folder)
    other.__dict__["facts"] = setup.small.facts.model_copy(update={"vocab_size": 99})
    setup.nano = other
    with pytest.raises(StudioError, match="different tokenizers"):
        distillation.run(setup)


def test_a_loss_that_is_no_number_ends_a_descent() -> None:
    model = torch.nn.Linear(1, 1)
    with pytest.raises(StudioError, match="nan at step 1 of 2"):
        gradient_descent.minimize(
            model, [1, 2], lambda _: model.weight.sum() * float("nan"), learning_rate=0.1, say=lambda _line: None
        )


def test_a_failure_of_the_command_is_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--json", "--only", "sft", "--small", "/nowhere"]) == 2
    assert "there is no model “/nowhere”" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert main(["bench", "--only", "rlhf"]) == 2
    assert "no demonstration “rlhf”" in capsys.readouterr().err
    assert main(["bench", "--share", "0"]) == 2


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str], tiny_model_folder: Path) -> None:
    folder = str(tiny_model_folder)
    options = ["--only", "few_shot", "--small", folder, "--nano", folder, "--share", "0.02", "--threads", "1"]
    assert main(["bench", *options]) == 0
    said = capsys.readouterr()
    assert "few_shot: Few-shot prompting without training" in said.out
    assert "No weight was changed." in said.out
    assert "few_shot: arbitrary labels: 4 questions" in said.err


def test_the_table_aligns_shares_and_perplexities() -> None:
    pair = paired_shares(np.zeros(10, bool), np.ones(10, bool))
    row = Measurement.paired("label accuracy", 10, pair)
    other = row.model_copy(update={"kind": "perplexity", "measure": "perplexity", "before": None, "difference": None})
    shown = Outcome(rows=(row, other), forgetting=None, settings={"r": 8}, verdict="Good.", target="better", met=True)
    found = table.rows(shown.model_dump(mode="json"))
    assert found[0][:4] == ["label accuracy", "10", "0 % [0, 28]", "100 % [72, 100]"]
    assert found[0][4].startswith("+100 [")
    assert found[1][2:] == ["–", "1 [0.722, 1]", ""]
