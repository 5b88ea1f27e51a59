"""REST from upload to job: what works, what is refused, and that a refusal creates nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from storage import db, users
from storage.data import datasets
from storage.jobs import jobs
from storage.models import Upload, User
from tests.played_hub import PlayedHub
from tests.storage.data.intake.bad_files import AT_A_DOOR, GOOD_CSV, BadFile

SFT = {"base": "studio-nano", "dataset": "mail", "objective": "sft", "method": "lora", "preset": "quick"}


@pytest.fixture
def upload(client: TestClient) -> str:
    """The id of a good upload."""
    answer = client.post("/api/v1/uploads", files={"file": ("mail.csv", GOOD_CSV.encode())})
    assert answer.status_code == 201
    return str(answer.json()["id"])


@pytest.fixture
def mail(client: TestClient, upload: str) -> dict[str, Any]:
    """A dataset called “mail”."""
    answer = client.post("/api/v1/data", json={"upload_id": upload, "name": "mail"})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_preview_creates_nothing(client: TestClient, studio: User, upload: str) -> None:
    found = client.post("/api/v1/data/preview", json={"upload_id": upload}).json()
    assert found["shape"] == "classification"
    assert found["mapping"] == {"text": "text", "label": "label"}
    assert datasets.of_user(studio) == []


def test_a_dataset_can_be_added_shown_renamed_and_deleted(client: TestClient, mail: dict[str, Any]) -> None:
    assert client.get("/api/v1/data").json() == [mail]
    assert client.get("/api/v1/data/mail").json() == mail
    assert mail["held_out_openings"] == 0
    sides = {
        side: client.get("/api/v1/data/mail/rows", params={"side": side}).json()["n_rows"]
        for side in ("training", "selection", "held_out")
    }
    assert sides["training"] + sides["held_out"] == mail["n_rows"]
    assert 0 < sides["selection"] < sides["training"]
    assert client.get("/api/v1/data/mail/rows", params={"side": "other"}).status_code in (400, 422)
    rows = client.get("/api/v1/data/mail/rows", params={"held_out": False, "limit": 3, "offset": 1}).json()
    assert rows["n_rows"] == mail["n_rows"] - mail["n_held_out"]
    assert len(rows["rows"]) == 3
    assert client.patch("/api/v1/data/mail", json={"name": "post"}).json()["name"] == "post"
    assert client.get("/api/v1/data/mail").status_code == 404
    assert client.delete("/api/v1/data/post").json() == {"deleted": "post"}
    assert client.get("/api/v1/data").json() == []


@pytest.mark.parametrize("bad", AT_A_DOOR)
def test_a_bad_file_is_refused_in_words(client: TestClient, studio: User, bad: BadFile) -> None:
    answer = client.post("/api/v1/uploads", files={"file": (bad.filename, bad.data())})
    if answer.status_code == 201:
        answer = client.post("/api/v1/data", json={"upload_id": answer.json()["id"], "name": "mine"})
    assert 400 <= answer.status_code < 500, answer.text
    error = answer.json()["error"]
    for part in (*bad.says, bad.filename):
        assert part in error["message"]
    assert error["problems"]
    assert "Traceback" not in answer.text
    assert datasets.of_user(studio) == []


def test_a_file_that_broke_off_is_refused(client: TestClient, studio: User) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="half.csv"\r\n\r\ntext,label\nhal'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/v1/uploads", content=part, headers=headers)
    assert (answer.status_code, answer.json()["error"]["problems"][0]["field"]) == (422, "file")
    with db.reading() as session:
        assert session.exec(select(Upload)).all() == []


def test_several_files_are_sent_as_one_and_one_is_held_out(client: TestClient) -> None:
    rows = "question,answer\n" + "".join(f"What is {n}?,It is {n}.\n" for n in range(12))
    sent = [("file", ("train.csv", rows)), ("file", ("test.csv", rows.replace("What", "And what")))]
    upload = client.post("/api/v1/uploads", files=sent)
    assert upload.status_code == 201
    body = {"upload_id": upload.json()["id"], "name": "both"}
    seen = client.post("/api/v1/data/preview", json={"upload_id": body["upload_id"]}).json()
    assert [file["name"] for file in seen["look"]["files"]] == ["train.csv", "test.csv"]
    assert seen["held_out_file"] == "test.csv"
    assert "path" not in seen["look"]["source"]
    wrong = client.post("/api/v1/data", json={**body, "held_out_file": "other.csv"})
    assert (wrong.status_code, wrong.json()["error"]["problems"][0]["field"]) == (422, "held_out_file")
    made = client.post("/api/v1/data", json={**body, "held_out_file": "test.csv"}).json()
    assert (made["n_rows"], made["n_held_out"], made["held_out_file"]) == (24, 12, "test.csv")


def test_a_plan_creates_nothing_and_a_job_waits(client: TestClient, studio: User, mail: dict[str, Any]) -> None:
    plan = client.post("/api/v1/plans", json=SFT)
    assert plan.status_code == 200, plan.text
    assert plan.json()["estimate"]["fits"]
    assert jobs.of_user(studio) == []
    job = client.post("/api/v1/jobs", json={**SFT, "name": "first"})
    assert job.status_code == 201, job.text
    found = job.json()
    assert (found["state"], found["position"], found["spec"]["recipe"]["method"]) == ("QUEUED", 1, "lora")
    assert "lease_owner" not in found
    address = f"/api/v1/jobs/{found['id']}"
    assert client.get(address).json() == found
    assert client.get("/api/v1/jobs").json() == [found]
    assert [event["kind"] for event in client.get(f"{address}/events").json()] == ["submitted"]
    assert client.get(f"{address}/metrics").json() == []
    assert client.get(f"{address}/logs").json() == {"job_id": found["id"], "attempt": 0, "log": ""}
    assert client.post(f"{address}/cancel").json()["state"] == "CANCELLED"
    assert client.post(f"{address}/cancel").status_code == 409
    again = client.post(f"{address}/retry")
    assert (again.status_code, again.json()["retry_of"]) == (201, found["id"])


def test_a_double_click_is_one_job(client: TestClient, studio: User, mail: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "click-1"}
    first = client.post("/api/v1/jobs", json={**SFT, "name": "first"}, headers=key)
    second = client.post("/api/v1/jobs", json={**SFT, "name": "first"}, headers=key)
    assert first.json()["id"] == second.json()["id"]
    assert len(jobs.of_user(studio)) == 1
    other = client.post("/api/v1/jobs", json={**SFT, "name": "second"}, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    "wrong",
    [
        {"base": "../../etc"},
        {"base": "/etc"},
        {"dataset": "unknown"},
        {"objective": "nothing"},
        {"objective": "continue_pretraining"},
        {"method": "nothing"},
        {"preset": "heroic"},
        {"quantization": "int1"},
        {"method": "full", "quantization": "nf4"},
        {"settings": {"learning_rate": 0}},
        {"settings": {"learning_rate": -1}},
        {"settings": {"learning_rate": 1e308}},
        {"settings": {"learning_rate": "NaN"}},
        {"settings": {"r": "many"}},
        {"settings": {"unknown": 1}},
        {"settings": {"max_length": 10**9}},
        {"settings": {"r": 10**30}},
        {"settings": []},
        {"name": ""},
        {"name": "../../x"},
        {"name": "x" * 400},
        {"name": "nul\0"},
        {"name": "studio-nano"},
        {"name": "<img src=x onerror=alert(1)>"},
        {"name": "$(id)"},
        {"name": 7},
        {"surprise": 1},
    ],
    ids=repr,
)
def test_a_job_that_can_not_be_is_refused(
    client: TestClient, studio: User, mail: dict[str, Any], wrong: dict[str, Any]
) -> None:
    answer = client.post("/api/v1/jobs", json={**SFT, "name": "first", **wrong})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error"]["problems"][0]["message"]
    assert jobs.of_user(studio) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"name": "\\ud800"}', b'{"settings": {"r": NaN}}', b"[" * 100_000, b"\xff\xfe"],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_request_is_refused(client: TestClient, studio: User, body: bytes) -> None:
    answer = client.post("/api/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert "error" in answer.json()
    assert jobs.of_user(studio) == []


@pytest.mark.parametrize("models", [[], ["unknown"], ["studio-nano", "studio-nano"], ["studio-nano"] * 17])
def test_an_evaluation_that_can_not_be_is_refused(
    client: TestClient, studio: User, mail: dict[str, Any], models: list[str]
) -> None:
    answer = client.post("/api/v1/evaluations", json={"models": models, "dataset": "mail"})
    assert answer.status_code == 422
    assert jobs.of_user(studio) == []


def test_an_evaluation_waits(client: TestClient, mail: dict[str, Any]) -> None:
    answer = client.post("/api/v1/evaluations", json={"models": ["studio-nano"], "dataset": "mail"})
    assert (answer.status_code, answer.json()["kind"]) == (201, "evaluate")


def test_an_evaluation_on_a_suite_waits(client: TestClient, studio: User) -> None:
    answer = client.post("/api/v1/evaluations", json={"models": ["studio-nano"], "suite": "general"})
    assert (answer.status_code, answer.json()["spec"]["suite"]) == (201, "general")


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ({}, "give “dataset” or “suite”"),
        ({"dataset": "mail", "suite": "general"}, "not both"),
        ({"suite": "x"}, "Known: everyday, general"),
    ],
)
def test_an_evaluation_is_on_one_known_thing(
    client: TestClient, studio: User, mail: dict[str, Any], on: dict[str, str], said: str
) -> None:
    answer = client.post("/api/v1/evaluations", json={"models": ["studio-nano"], **on})
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]
    assert jobs.of_user(studio) == []


def test_what_belongs_to_others_is_not_there(client: TestClient, studio: User) -> None:
    alice, bob = (users.add(name, "correct horse battery") for name in ("alice", "bob"))
    job = jobs.submit(alice, name="secret", kind="train", spec={})
    basic = ("bob", "correct horse battery")
    for path in ("", "/events", "/metrics", "/logs"):
        assert client.get(f"/api/v1/jobs/{job.id}{path}", auth=basic).status_code == 404
    for path in ("cancel", "retry", "contrast"):
        assert client.post(f"/api/v1/jobs/{job.id}/{path}", auth=basic).status_code == 404
    assert client.get("/api/v1/jobs", auth=basic).json() == []
    assert jobs.get(alice, job.id).cancel_at is None
    assert bob.id != alice.id


def test_accounts_may_not_read_folders_of_this_machine(client: TestClient, nano_folder: object) -> None:
    users.add("alice", "correct horse battery")
    users.add("bob", "correct horse battery")
    for source in (str(nano_folder), "../nano", "~/model", "./a/b", "a/b/c", "file:///etc"):
        answer = client.post(
            "/api/v1/models", json={"name": "mine", "source": source}, auth=("bob", "correct horse battery")
        )
        assert answer.status_code == 422
        assert answer.json()["error"]["problems"][0]["field"] == "source"


@pytest.mark.parametrize("path", ["jobs", "artifacts", "data", "models"])
@pytest.mark.parametrize("name", ["unknown", "..%2F..%2Fetc", "%F0%9F%92%A9", "%ED%A0%80", "a'%20OR%201=1--"])
def test_an_unknown_name_is_not_found(client: TestClient, path: str, name: str) -> None:
    assert client.get(f"/api/v1/{path}/{name}").status_code == 404


def test_catalogue_recipes_and_models(client: TestClient) -> None:
    methods = client.get("/api/v1/methods").json()
    assert {"lora", "full"} <= {method["key"] for method in methods["methods"]}
    assert {recipe["name"] for recipe in client.get("/api/v1/recipes").json()} >= {"qlora"}
    assert client.get("/api/v1/models/studio-nano").json()["license"]
    assert client.get("/api/v1/workers").json() == []


def test_adding_a_model_is_accepted_as_a_job(client: TestClient, hub: PlayedHub, nano_folder: Path) -> None:
    hub.add("org/nano", nano_folder)
    body = {"name": "mine", "source": "org/nano"}
    answers = [client.post("/api/v1/models", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    first, second = (answer.json() for answer in answers)
    assert first["id"] == second["id"]
    assert (first["kind"], first["state"], first["spec"]["source"]["revision"]) == ("download", "QUEUED", "a" * 40)
    assert client.get("/api/v1/hub", params={"text": "nano"}).json()[0]["id"] == "org/nano"
    assert len(client.get("/api/v1/catalogue").json()) >= 20


def test_the_token_for_the_hub_goes_in_and_never_out(client: TestClient) -> None:
    path = "/api/v1/hub/token"
    assert client.get(path).json() == {"stored": False}
    for answer in (client.put(path, json={"token": "hf_secret"}), client.get(path)):
        assert answer.json() == {"stored": True}
    refused = client.put(path, json={"token": "two words"})
    assert (refused.status_code, "two words" in refused.text) == (422, False)
    assert client.delete(path).json() == {"stored": False}


def test_without_a_chat_server_chat_says_so(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from app import supervise
    from storage.settings import settings

    monkeypatch.setenv("STUDIO_CHAT_PORT", str(supervise.free_port()))
    settings.cache_clear()
    for answer in (client.get("/api/v1/chat/models"), client.post("/api/v1/chat/completions", json={})):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "chat_unavailable")
        assert "studio serve" in answer.json()["error"]["message"]
