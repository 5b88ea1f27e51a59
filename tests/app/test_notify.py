"""Errors become words, and only words."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from app import notify
from storage.models import User
from templates.errors import BadInput, Conflict, NotFound, Problem, StudioError, Unavailable


def test_a_studio_error_is_told_as_it_is(studio: User) -> None:
    error = BadInput(Problem("is empty.", file="a.csv", row=3))
    assert notify.told(error) is error
    assert not notify.log_file().exists()


def test_an_unexpected_error_is_one_sentence_and_a_log(studio: User) -> None:
    try:
        raise KeyError("the secret inside")
    except KeyError as error:
        told = notify.told(error)
    assert told.code == "internal"
    assert "secret" not in str(told)
    assert str(notify.log_file()) in str(told)
    assert "the secret inside" in notify.log_file().read_text()


def test_a_silent_database_is_unavailable(studio: User) -> None:
    told = notify.told(OperationalError("SELECT", {}, Exception("database is locked")))
    assert isinstance(told, Unavailable)
    assert told.http_status == 503


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BadInput("x"), 422),
        (NotFound("x"), 404),
        (Conflict("x"), 409),
        (Unavailable("x"), 503),
        (StudioError("x"), 500),
        (ZeroDivisionError("x"), 500),
    ],
)
def test_rest_gives_every_error_the_same_form(studio: User, error: Exception, status: int) -> None:
    app = FastAPI()
    notify.install(app)

    @app.get("/")
    def fail() -> None:
        raise error

    answer = TestClient(app, raise_server_exceptions=False).get("/")
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "problems"}
    assert "Traceback" not in answer.text
    assert "ZeroDivision" not in answer.text
