"""The order for a generation by a service: the owner's key goes to the child and nowhere else."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from storage import endpoints, garbage, users
from storage.data import datasets, uploads
from storage.jobs import jobs, leases, worker_rows
from storage.jobs.leases import Lease
from storage.models import Job, User
from storage.planning import generations
from storage.runs import settings as run_settings
from storage.settings import settings
from templates import registry
from templates.errors import BadInput, NotAllowed
from tests.conftest import forget_caches
from tests.played_service import KEY
from workers import orders
from workers.orders.generate import GenerationOrder

URL = "https://api.example.com/v1"
ROWS = "prompt,completion\n" + "".join(f"What is {i} and {i % 7}?,{i}\n" for i in range(30))


@pytest.fixture
def sums(studio: User) -> None:
    """A dataset of prompts."""
    datasets.add(studio, uploads.save(studio, "sums.csv", io.BytesIO(ROWS.encode())), name="sums")


def submitted(user: User, name: str = "a", **given: object) -> Job:
    wish = {"endpoint": URL, "endpoint_model": "wise", "dataset": "sums", "settings": {"concurrency": 2}, **given}
    return generations.submit(user, name=name, **wish)  # type: ignore[arg-type]


def claim(_job: Job) -> Lease:
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    return lease


def test_the_key_goes_through_the_pipe_only(studio: User, sums: None, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints.keep_key(studio, endpoints.parse(URL), KEY)
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy")
    job = submitted(studio, filters=["same_number"])
    order = orders.of(claim(job), threads=1)
    assert isinstance(order, GenerationOrder)
    for shown in (repr(order), str(order), json.dumps(job.spec), str(order.model_dump())):
        assert KEY not in shown
        assert "hunter2" not in shown
    read = orders.read(order.model_dump_json().encode())
    assert read == order
    assert isinstance(read, GenerationOrder)
    assert read.api_key is not None
    assert read.api_key.get_secret_value() == KEY
    assert read.service is not None
    assert (read.service.url, read.service.params.concurrency, read.model) == (URL, 2, None)
    assert read.teacher == {"name": "wise", "host": "api.example.com"}
    assert [p for p in settings().root.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()] == []
    assert registry.job_kind("generate").way(job.spec) == "wise at api.example.com: answers greedily"
    shown = {one.key: one.value for one in run_settings.of(job, run_settings.Inputs())}
    assert (shown["endpoint"], shown["endpoint_model"], shown["filters"]) == (URL, "wise", "same_number")


def test_an_address_that_is_no_longer_allowed_fails_before_it_is_asked(
    studio: User, sums: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(studio)
    users.add("ann", "correct horse")
    monkeypatch.setenv("STUDIO_ALLOWED_ENDPOINTS", "https://other.example.com")
    forget_caches()
    with pytest.raises(NotAllowed, match=r"https://other\.example\.com"):
        orders.of(claim(job), threads=1)
    with pytest.raises(NotAllowed):
        submitted(studio, "b")
    assert [one.name for one in jobs.of_user(studio)] == ["a"]


def test_jobs_that_ask_the_same_share_their_answers(studio: User, sums: None) -> None:
    first = submitted(studio)
    same = submitted(studio, "b", filters=["refusals"], settings={"temperature": 0.0, "timeout_s": 9})
    other = submitted(studio, "c", settings={"seed": 7})
    keys = [job.spec["endpoint"]["asked"] for job in (first, same, other)]
    assert keys[0] == keys[1] != keys[2]
    more = submitted(studio, "d", settings={"temperature": 1.0, "num_return_sequences": 4})
    fewer = submitted(studio, "e", settings={"temperature": 1.0, "num_return_sequences": 2})
    assert more.spec["endpoint"]["asked"] == fewer.spec["endpoint"]["asked"]


def test_answers_stay_while_a_job_may_go_on_from_them(studio: User, sums: None) -> None:
    job = submitted(studio)
    folders = [generations.asked_folder(key) for key in (job.spec["endpoint"]["asked"], "0" * 32)]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "answers.jsonl").write_text("{}\n")
    garbage.collect(older_than_s=-1)
    assert [folder.exists() for folder in folders] == [True, False]
    jobs.cancel(studio, job.id)
    garbage.collect(older_than_s=60)
    assert folders[0].exists(), "it may be run again for a day"
    garbage.collect(older_than_s=-1)
    assert not folders[0].exists()


def test_all_problems_at_once(studio: User, sums: None) -> None:
    with pytest.raises(BadInput) as refused:
        generations.submit(
            studio, dataset="sums", name="a", endpoint="nowhere", settings={"seed": -1, "concurrency": 0}, filters=["x"]
        )
    assert {one.field for one in refused.value.problems} >= {"endpoint", "endpoint_model", "seed", "filters"}
    with pytest.raises(BadInput, match="not both"):
        submitted(studio, model="studio-nano")
    with pytest.raises(BadInput, match="give “model” or “endpoint”"):
        generations.submit(studio, dataset="sums", name="a")
    with pytest.raises(BadInput, match="belongs to a service"):
        generations.submit(studio, dataset="sums", name="a", model="studio-nano", endpoint_model="wise")
    with pytest.raises(BadInput, match="concurrency"):
        generations.submit(studio, dataset="sums", name="a", model="studio-nano", settings={"concurrency": 2})
    assert jobs.of_user(studio) == []


def test_a_key_in_the_environment_is_nobodys(studio: User, sums: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    order = orders.of(claim(submitted(studio)), threads=1)
    assert isinstance(order, GenerationOrder)
    assert order.api_key is None
    assert KEY not in order.model_dump_json()
    assert Path(order.asked_folder).parent.name == "asked"
    assert os.environ["OPENAI_API_KEY"] == KEY
