"""How often a held-out side was opened: counted once for each job, and for all versions together."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlmodel import select

from storage import db, job_inputs, users
from storage.data import datasets, openings, splits, uploads, versions
from storage.jobs import jobs, leases, recovery
from storage.jobs.leases import LeaseLost
from storage.models import Dataset, HeldOutOpening, User, Worker
from templates.roles import Role


def added(user: User, name: str, **split: Any) -> Dataset:
    rows = "\n".join(["text,label", *(f"text {i},{i % 2}" for i in range(30))]).encode()
    upload = uploads.save(user, "t.csv", io.BytesIO(rows))
    return datasets.add(user, upload, name=name, split=splits.Split(**split))


def claimed(worker: Worker, user: User, dataset: Dataset, name: str = "scores") -> leases.Lease:
    jobs.submit(user, name=name, kind="evaluate", spec={}, inputs=job_inputs.of(Role.HELD_OUT, dataset))
    lease = leases.claim(worker)
    assert lease
    return lease


def succeed(lease: leases.Lease, dataset: Dataset) -> None:
    leases.succeed(lease, opened=dataset.id, result={}, actual={})


def test_each_job_that_ends_well_opens_it_once(studio: User, worker: Worker) -> None:
    made = added(studio, "mail")
    assert openings.of(made) == 0
    first = claimed(worker, studio, made)
    succeed(first, made)
    with pytest.raises(LeaseLost):
        succeed(first, made)
    succeed(claimed(worker, studio, made), made)
    assert openings.of(made) == 2


def test_a_job_that_ends_badly_or_measures_nothing_opens_nothing(studio: User, worker: Worker) -> None:
    made = added(studio, "mail")
    leases.fail(claimed(worker, studio, made), "nan", "It diverged.")
    leases.cancelled(claimed(worker, studio, made))
    leases.succeed(claimed(worker, studio, made), result={}, actual={})
    assert openings.of(made) == 0


def test_an_attempt_that_lost_its_lease_opens_nothing(studio: User, worker: Worker) -> None:
    made = added(studio, "mail")
    old = claimed(worker, studio, made)
    with db.writing() as session:
        row = session.get_one(type(old.job), old.job.id)
        row.lease_until = 0.0
    recovery.expire()
    again = leases.claim(worker)
    assert again
    with pytest.raises(LeaseLost):
        succeed(old, made)
    assert openings.of(made) == 0
    succeed(again, made)
    with db.reading() as session:
        (opening,) = session.exec(select(HeldOutOpening)).all()
    assert (opening.job_id, opening.attempt, opening.dataset_id) == (again.job.id, 2, made.id)
    assert opening.at > 0


def test_versions_share_their_openings_and_deleting_forgets_none(studio: User, worker: Worker) -> None:
    made, apart = added(studio, "mail"), added(studio, "apart", seed=7)
    fixed = versions.derive(studio, made, datasets.rows(made)[1:], [])
    succeed(claimed(worker, studio, made), made)
    succeed(claimed(worker, studio, fixed), fixed)
    assert [openings.of(one) for one in (made, fixed, apart)] == [2, 2, 0]
    datasets.delete(studio, made.name)
    datasets.delete(studio, fixed.name)
    assert openings.of(added(studio, "mail")) == 2, "the same rows and split, added again"


def test_a_file_equal_to_a_version_joins_its_family(studio: User, worker: Worker) -> None:
    made, same = added(studio, "mail"), added(studio, "same")
    of_same = versions.derive(studio, same, datasets.rows(same)[2:], [])
    succeed(claimed(worker, studio, of_same), of_same)
    assert openings.of(made) == 1


def test_others_look_at_their_own(studio: User, worker: Worker) -> None:
    other = users.add("mallory", "a long password")
    mine, theirs = added(studio, "mail"), added(other, "mail")
    succeed(claimed(worker, studio, mine), mine)
    assert (openings.of(mine), openings.of(theirs)) == (1, 0)


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "No verdict has used these held-out rows."),
        (1, "One verdict has used these held-out rows."),
        (1200, "1,200 verdicts have used these held-out rows; each of them makes a lucky result likelier."),
    ],
)
def test_it_is_said_in_words(n: int, said: str) -> None:
    assert openings.sentence(n) == said
