"""Pages of lists: in order, complete, and stable while rows are added."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from storage import db, users
from storage.data import dataset_lists
from storage.gallery import artifact_lists
from storage.jobs import events, job_lists, jobs
from storage.jobs.job_lists import Wanted
from storage.listing import Page, Place
from storage.models import Job, JobMetric, User
from templates.errors import BadInput
from tests.app import crowd


def walked(user: User, limit: int, wanted: Wanted = job_lists.ALL) -> list[str]:
    """The ids of all jobs, page by page."""
    place, found = Place(limit), []
    while True:
        page = job_lists.page(user, place, wanted)
        found += [job.id for job in page.rows]
        if page.after is None:
            return found
        assert len(page.rows) == limit
        place = Place(limit, page.after)


def test_the_pages_together_are_the_list(studio: User) -> None:
    crowd.fill(studio, jobs=23)
    everything = [job.id for job in jobs.of_user(studio)]
    assert walked(studio, 5) == walked(studio, 23) == walked(studio, 100) == everything
    with db.writing() as session:
        session.exec(update(Job).values(created_at=7.0))
    assert sorted(walked(studio, 4)) == sorted(everything), "of the same moment"


def test_what_is_added_meanwhile_shifts_nothing(studio: User) -> None:
    crowd.fill(studio, jobs=10)
    first = job_lists.page(studio, Place(4))
    jobs.submit(studio, name="new", kind="train", spec={})
    rest = job_lists.page(studio, Place(100, first.after))
    assert [job.name for job in (*first.rows, *rest.rows)] == [f"tickets-lora-{n:04d}" for n in range(9, -1, -1)]
    assert rest.after is None


def test_a_page_begins_after_one_of_your_own(studio: User) -> None:
    crowd.fill(studio, jobs=2, datasets=2, artifacts=1)
    other = users.add("ada", "a long password")
    for page in (job_lists.page, dataset_lists.page, artifact_lists.page):
        with pytest.raises(BadInput, match="the list has no “nothing”"):
            page(studio, Place(5, "nothing"))
        own = page(studio, Place(5)).rows[-1].id
        with pytest.raises(BadInput):
            page(other, Place(5, own))
        assert page(other) == Page([], None)


def test_jobs_are_found_by_state_name_and_data(studio: User) -> None:
    crowd.fill(studio, jobs=20, datasets=3)
    failed = job_lists.page(studio, wanted=Wanted("FAILED")).rows
    assert {job.state for job in failed} == {"FAILED"}
    assert len(failed) == job_lists.count(studio, Wanted("FAILED")) == 4
    assert [job.name for job in job_lists.page(studio, wanted=Wanted(name="LORA-0007")).rows] == ["tickets-lora-0007"]
    assert job_lists.count(studio, Wanted(name="%")) == 0
    assert walked(studio, 2, Wanted(data="tickets-0001")) == [f"job{n:013d}" for n in range(19, -1, -3)]
    with pytest.raises(BadInput, match="no state of a job"):
        job_lists.page(studio, wanted=Wanted("DONE"))


def test_places_in_the_queue_are_looked_up_together(studio: User) -> None:
    crowd.fill(studio, jobs=12, waiting=5, running=2)
    found = job_lists.page(studio).rows
    assert job_lists.positions(found) == {job.id: place for job in found if (place := jobs.position(job))}
    assert sorted(job_lists.positions(found).values()) == [1, 2, 3, 4, 5]
    assert job_lists.n_waiting() == 5


def test_events_and_points_have_pages(studio: User) -> None:
    job = jobs.submit(studio, name="tone", kind="train", spec={})
    with db.writing() as session:
        for step in range(5):
            events.append(session, job.id, 1, "log", step=step)
            for split in ("train", "held_out"):
                point = JobMetric(job_id=job.id, split=split, step=step, attempt=1, values={"loss": 1.0}, at=0.0)
                events.put_metric(session, point)
    for read, whole in ((events.page, events.of_job(job.id)), (events.metrics_page, events.metrics(job.id))):
        first = read(job.id, Place(4))
        rest = read(job.id, Place(100, first.after))
        assert [*first.rows, *rest.rows] == list(whole)
        assert rest.after is None
        with pytest.raises(BadInput):
            read(job.id, Place(4, "x"))
