"""An `evaluate` job's program: several models on the same held-out rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch
from peft import LoraConfig, get_peft_model

from storage.gallery import suite_table
from templates.errors import StudioError
from tests.small_suite import small_suite
from workers import models
from workers.evaluation.generation import Interrupted
from workers.evaluation.progress import noting
from workers.orders.evaluate import EvaluationOrder
from workers.programs import evaluate
from workers.protocol import Entered, ModelRef, Noted, Report

COUNTS = ("n_too_long", "n_refused", "n_cut_off")


class Channel:
    """Remembers what was said."""

    def __init__(self, abandoned: bool = False) -> None:
        self.said: list[Report] = []
        self.abandoned = abandoned

    def send(self, report: Report) -> None:
        self.said.append(report)


@pytest.fixture(scope="module")
def adapter_folder(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    model = get_peft_model(
        models.load_base(tiny_model_folder), LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.5)
    folder = tmp_path_factory.mktemp("adapter")
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def order_of(
    tiny_model_folder: Path, adapter_folder: Path, classified: list[dict[str, Any]], tmp_path: Path
) -> Callable[..., EvaluationOrder]:
    """An order to score the tiny model without and with an adapter, on all rows but the first four."""

    def make(n_trained: int = 4, names: tuple[str, ...] = ("plain", "adapted", "again")) -> EvaluationOrder:
        file = tmp_path / "rows.parquet"
        rows = [{**row, "held_out": i >= n_trained} for i, row in enumerate(classified)]
        parquet.write_table(pa.Table.from_pylist(rows), file)
        return EvaluationOrder(
            kind="evaluate",
            job_id="j",
            attempt=1,
            name="scores",
            log_file=str(tmp_path / "log"),
            shape="classification",
            dataset_file=str(file),
            dataset_name="banking",
            dataset_sha256="d" * 64,
            eval_rows=12,
            threads=1,
            staging=str(tmp_path),
            models=tuple(
                ModelRef(
                    name=name,
                    base_folder=str(tiny_model_folder),
                    base_revision="r1",
                    adapter_folder=str(adapter_folder) if name == "adapted" else None,
                    weights_sha256="w" * 64 if name == "adapted" else None,
                )
                for name in names
            ),
        )

    return make


def test_models_are_scored_on_the_same_rows_and_compared_with_the_first(
    order_of: Callable[..., EvaluationOrder],
) -> None:
    channel = Channel()
    done = evaluate.run(order_of().model_copy(update={"held_out_openings": 2}), channel)
    of = {"name": "banking", "sha256": "d" * 64, "n_held_out": 20, "instruction": "", "opening": 3}
    assert done.result["dataset"] == of
    assert done.opened_held_out
    assert {comparison["opening"] for comparison in done.result["comparisons"]} == {3}
    plain, adapted, again = done.result["models"]
    assert [m["name"] for m in done.result["models"]] == ["plain", "adapted", "again"]
    assert set(plain["metrics"]) == {"loss", "perplexity", "exact_match", "label_accuracy"}
    assert plain["metrics"] == again["metrics"]
    assert plain["metrics"]["loss"] != adapted["metrics"]["loss"]
    assert (plain["n_rows"], plain["n_answered"]) == (20, 12)
    assert adapted["weights_sha256"] == "w" * 64
    assert [(c["model"], c["against"]) for c in done.result["comparisons"]] == [
        ("adapted", "plain"),
        ("again", "plain"),
    ]
    same = done.result["comparisons"][1]
    assert same["metrics"]["loss"]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert same["changes"] == {"better": 0, "worse": 0, "same": 12, "changed": 0}
    assert "for plain and" in same["sentence"]
    assert done.made is None
    assert set(done.actual["seconds_by_model"]) == {"plain", "adapted", "again"}
    assert done.model_dump_json()


def test_all_models_get_the_instruction_and_the_verdict_says_so(order_of: Callable[..., EvaluationOrder]) -> None:
    order = order_of(names=("plain", "adapted"))
    told = evaluate.run(order.model_copy(update={"instruction": "Say the label."}), Channel())
    untold = evaluate.run(order, Channel())
    for with_it, without in zip(told.result["models"], untold.result["models"], strict=True):
        assert with_it["metrics"]["loss"] != without["metrics"]["loss"]
    words = "All models got the same instruction: “Say the label.”"
    assert words in told.result["comparisons"][0]["remarks"]
    assert words not in untold.result["comparisons"][0]["remarks"]


def test_the_page_hears_how_far_it_is(order_of: Callable[..., EvaluationOrder]) -> None:
    channel = Channel()
    evaluate.run(order_of(names=("plain", "adapted")), channel)
    assert [r.stage for r in channel.said if isinstance(r, Entered)] == ["preparing", "evaluating"]
    noted = [r.data for r in channel.said if isinstance(r, Noted) and r.kind == "evaluated"]
    assert {"model": "plain", "rows": 32, "of": 32, "done": 0.5} in noted
    assert {"model": "adapted", "rows": 32, "of": 32, "done": 1.0} in noted


def test_no_held_out_rows_is_said(order_of: Callable[..., EvaluationOrder]) -> None:
    with pytest.raises(StudioError, match="no held-out rows") as error:
        evaluate.run(order_of(n_trained=24), Channel())
    assert error.value.problems[0].remedy


def test_it_ends_when_nobody_wants_the_result(order_of: Callable[..., EvaluationOrder]) -> None:
    with pytest.raises(Interrupted):
        evaluate.run(order_of(), Channel(abandoned=True))


@pytest.fixture
def suite_order(
    tiny_model_folder: Path, adapter_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> EvaluationOrder:
    """An order to score the tiny model without and with an adapter on a small suite."""
    monkeypatch.setattr("storage.gallery.suites.get", lambda _name: small_suite(4))
    refs = [
        ModelRef(name="plain", base_folder=str(tiny_model_folder), base_revision="r1"),
        ModelRef(
            name="adapted", base_folder=str(tiny_model_folder), base_revision="r1",
            adapter_folder=str(adapter_folder), weights_sha256="w" * 64,
        ),
        ModelRef(name="other", base_folder=str(tiny_model_folder), base_revision="r2"),
    ]  # fmt: skip
    return EvaluationOrder(
        kind="evaluate", job_id="j", attempt=1, name="abilities", log_file=str(tmp_path / "log"), eval_rows=12,
        threads=1, staging=str(tmp_path), models=tuple(refs), suite="general",
    )  # fmt: skip


def test_models_are_scored_on_a_suite(suite_order: EvaluationOrder) -> None:
    channel = Channel()
    done = evaluate.run(suite_order, channel)
    assert not done.opened_held_out
    suite = done.result["suite"]
    assert (suite["name"], suite["n_items"], suite["sha256"]) == ("general", 24, small_suite(4).sha256)
    assert suite["abilities"]["passages"]["scores"] == ["passages_value", "passages_source"]
    plain, adapted, _ = done.result["models"]
    assert set(plain) == {"name", "base_revision", "weights_sha256", "abilities", "mean", "seconds", *COUNTS}
    assert plain["abilities"]["colours"]["known"]["n"] == 4
    assert adapted["weights_sha256"] == "w" * 64
    first, second = done.result["comparisons"]
    assert (first["model"], first["against"], second["model"]) == ("adapted", "plain", "other")
    assert set(first["abilities"]) == {"colours", "passages_value", "passages_source", "tools"}
    assert "its general abilities" in first["sentence"]
    assert "plain in general abilities" in second["sentence"]
    noted = [r.data for r in channel.said if isinstance(r, Noted) and r.kind == "evaluated"]
    assert {"model": "adapted", "rows": 24, "of": 24, "done": pytest.approx(2 / 3)} in noted
    assert suite_table.lines(done.result)
    assert done.model_dump_json()


def test_an_order_is_about_rows_or_a_suite(suite_order: EvaluationOrder) -> None:
    given = suite_order.model_dump()
    for wrong in ({"suite": None}, {"dataset_file": "rows.parquet"}):
        with pytest.raises(ValueError, match="rows of a dataset or on a suite"):
            EvaluationOrder.model_validate({**given, **wrong})


def test_notes_are_few_but_the_last_always_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("workers.evaluation.progress.time.monotonic", lambda: now[0])
    channel = Channel()
    progress = noting(channel, "plain")
    for n in range(1, 101):
        now[0] += 0.1
        progress(n, 100)
    rows = [r.data["rows"] for r in channel.said if isinstance(r, Noted)]
    assert rows[0] == 1
    assert rows[-1] == 100
    assert len(rows) <= 7
