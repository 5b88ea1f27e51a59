"""The race for one job, over and over, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import update
from sqlmodel import col

from storage import db
from storage.jobs import leases, worker_rows
from storage.models import Job, JobState
from tests.faults.conftest import House


@pytest.mark.servers
@pytest.mark.parametrize("n_races", [40, pytest.param(1000, marks=pytest.mark.long)])
def test_two_workers_race_for_one_job(house: House, n_races: int) -> None:
    job = house.submit("contested")
    start = Barrier(2)
    workers = [worker_rows.register(device="cpu", slots=1) for _ in range(2)]

    def claims(number: int) -> bool:
        start.wait()
        return leases.claim(workers[number], job.id) is not None

    with ThreadPoolExecutor(2) as racers:
        for race in range(1, n_races + 1):
            assert sorted(racers.map(claims, range(2))) == [False, True], f"race {race}"
            with db.writing() as session:
                held = session.get_one(Job, job.id, populate_existing=True)
                assert held.attempt == race
                again = update(Job).where(col(Job.id) == job.id).values(state=JobState.QUEUED, lease_owner=None)
                session.exec(again)
