"""A teacher reads rows once: what is sealed is never read again, whatever is killed or asked again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Heard

from storage import teacher_readings
from templates.errors import StudioError
from workers import models, stages
from workers.distillation import readings
from workers.distillation.kept_forms import Full, Sampled
from workers.distillation.readings import Asked, Reading
from workers.evaluation.generation import Interrupted
from workers.protocol import Proceeded, Stop
from workers.stages import Watch
from workers.training.batches import Example

EXAMPLES = [
    Example(tuple(5 + (7 * i + j * j) % 300 for j in range(6 + i % 9)), (False,) * 3 + (True,) * (3 + i % 9))
    for i in range(40)
]
ASKED = Asked(("teacher",), "big", 4864, 1.0, Sampled(20), 3)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "SHARD_TOKENS", 80)
    monkeypatch.setattr(stages, "EVERY_S", 0.0)


class Counted:
    """Loads the teacher, and counts how often it was asked for."""

    def __init__(self, folder: Path):
        self.folder, self.n = folder, 0

    def __call__(self) -> Any:
        self.n += 1
        return models.load_base(self.folder, where=torch.device("cpu"))


@pytest.fixture
def teacher(tiny_model_folder: Path) -> Counted:
    return Counted(tiny_model_folder)


def test_full_distributions_are_the_teachers(teacher: Counted, tmp_path: Path) -> None:
    asked = Asked(("t",), "big", 4000, 2.0, Full(), 0)
    reading = Reading(tmp_path, EXAMPLES, asked)
    reading.complete(teacher, Watch(Heard()))
    model = teacher()
    for number in (0, 17, 39):
        example = EXAMPLES[number]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([example.ids])).logits[0, :-1, :4000]
        wanted = (logits[torch.tensor(example.trained[1:])] / 2).log_softmax(-1)
        found = reading.targets([number]).log_p
        torch.testing.assert_close(found, wanted, atol=5e-3, rtol=5e-3)


def test_a_second_job_reads_nothing(teacher: Counted, tmp_path: Path) -> None:
    assert Reading(tmp_path, EXAMPLES, ASKED, "one").complete(teacher, Watch(Heard())) > 0
    again = Reading(tmp_path, [*reversed(EXAMPLES), EXAMPLES[0]], ASKED, "two")  # the same rows in another order
    assert again.complete(teacher, Watch(Heard())) == 0
    assert teacher.n == 1
    assert {path.name for path in (again.folder / teacher_readings.USERS).iterdir()} == {"one", "two"}
    assert teacher_readings.facts_of(again.folder)["complete"]


@pytest.mark.parametrize("changed", [{"teacher": ("other",)}, {"temperature": 2.0}, {"form": Sampled(10)}, {"seed": 4}])
def test_anything_that_it_depends_on_makes_another(changed: dict[str, Any], tmp_path: Path) -> None:
    other = Asked(**{**vars(ASKED), **changed})
    assert Reading(tmp_path, EXAMPLES, other).folder != Reading(tmp_path, EXAMPLES, ASKED).folder
    fewer = Reading(tmp_path, EXAMPLES[1:], ASKED)
    assert fewer.folder != Reading(tmp_path, EXAMPLES, ASKED).folder


@pytest.mark.usefixtures("small_shards")
def test_the_next_attempt_goes_on_after_the_last_shard(teacher: Counted, tmp_path: Path) -> None:
    def stop(heard: Heard, report: Any) -> None:
        if isinstance(report, Proceeded) and report.kept and report.done > 0.4:
            heard.stop = Stop(stop="drain")

    first, told = Reading(tmp_path, EXAMPLES, ASKED), Heard(on_say=stop)
    with pytest.raises(Interrupted):
        first.complete(teacher, Watch(told))
    sealed = {path.name: path.stat().st_mtime_ns for path in first.folder.glob("shard-*")}
    assert len(sealed) >= 2
    whole = sum(len(example.ids) for example in EXAMPLES)
    n_read = Reading(tmp_path, EXAMPLES, ASKED).complete(teacher, Watch(Heard()))
    assert 0 < n_read < whole
    assert {
        path.name: path.stat().st_mtime_ns for path in first.folder.glob("shard-*") if path.name in sealed
    } == sealed
    uninterrupted = Reading(tmp_path / "other", EXAMPLES, ASKED)
    uninterrupted.complete(teacher, Watch(Heard()))
    for number in range(len(EXAMPLES)):
        assert torch.equal(*(r.targets([number]).weights for r in (first, uninterrupted)))  # type: ignore[arg-type]


@pytest.mark.usefixtures("small_shards")
def test_a_damaged_shard_is_read_again(teacher: Counted, tmp_path: Path) -> None:
    reading = Reading(tmp_path, EXAMPLES, ASKED)
    reading.complete(teacher, Watch(Heard()))
    broken = reading.folder / "shard-00001" / "weights.npy"
    broken.write_bytes(broken.read_bytes()[:-1] + b"\x63")
    n_read = Reading(tmp_path, EXAMPLES, ASKED).complete(teacher, Watch(Heard()))
    assert 0 < n_read <= 80 + max(len(example.ids) for example in EXAMPLES)


KILLED = """
import sys, os
sys.path[:0] = [{here!r}, {workers!r}]
from pathlib import Path
import torch
from test_readings import EXAMPLES, ASKED
from conversations import Heard
from workers import models, stages
from workers.distillation import readings
from workers.stages import Watch
readings.SHARD_TOKENS, stages.EVERY_S = 80, 0.0
def say(_heard, report):
    if report.kept and report.done > 0.5:
        os.kill(os.getpid(), 9)
reading = readings.Reading(Path(sys.argv[1]), EXAMPLES, ASKED)
reading.complete(lambda: models.load_base(sys.argv[2], where=torch.device("cpu")), Watch(Heard(on_say=say)))
"""


@pytest.mark.long
@pytest.mark.usefixtures("small_shards")
def test_kill_9_loses_no_sealed_shard(teacher: Counted, tmp_path: Path, tiny_model_folder: Path) -> None:
    here = Path(__file__).parent
    code = KILLED.format(here=str(here), workers=str(here.parent))
    killed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(tiny_model_folder)],
        cwd=here.parent.parent.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    whole = sum(len(example.ids) for example in EXAMPLES)
    assert Reading(tmp_path, EXAMPLES, ASKED).complete(teacher, Watch(Heard())) < 0.6 * whole


def test_another_job_waits_for_the_first(tmp_path: Path) -> None:
    heard = Heard(on_say=lambda heard, _report: setattr(heard, "stop", Stop(stop="discard")))
    reading = Reading(tmp_path, EXAMPLES, ASKED)
    with readings._alone(reading.folder, Watch(Heard())), pytest.raises(Interrupted):
        reading.complete(lambda: pytest.fail("it may not read now"), Watch(heard))
    assert "waiting" in heard.of(Proceeded)[0].words


def test_a_teacher_of_nans_is_refused_in_words(teacher: Counted, tmp_path: Path) -> None:
    broken = teacher()
    with torch.no_grad():
        broken.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(StudioError, match="“big” are not numbers"):
        Reading(tmp_path, EXAMPLES, ASKED).complete(lambda: broken, Watch(Heard()))
