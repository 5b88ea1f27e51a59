"""Rows from one template: in the report, and on one side of the split."""

from __future__ import annotations

import io

from storage.data import datasets, uploads
from storage.data.health import outcomes, report
from storage.data.rows.rows import Rows
from storage.models import Dataset, User
from templates import registry
from tests.storage.data.health.planted import Writer


def added(user: User, rows: list[str], name: str = "mail") -> Dataset:
    file = io.BytesIO("\n".join(["text,label", *rows]).encode())
    return datasets.add(user, uploads.save(user, f"{name}.csv", file), name=name)


def varied(n: int) -> list[str]:
    writer = Writer(3)
    return [f"{writer.sentence(9)},{('a', 'b')[i % 2]}" for i in range(n)]


def test_rows_that_differ_by_numbers_or_names_are_found(studio: User) -> None:
    late = [f"My order {100 + i} has not arrived yet,a" for i in range(30)]
    named = [f"Dear Mr {name} I want my money back today,b" for name in ("Miller", "Adams", "Young", "Kim", "Rossi")]
    found = report.of_dataset(studio, added(studio, [*varied(60), *late, *named]).id).found
    (one,) = [one for one in found if one.check.key == "one_template"]
    assert len(one.finding.rows) == 29 + 4
    assert one.level == "warning"
    assert "only by numbers or names" in one.finding.says
    assert "2 templates" in one.finding.says


def test_a_dataset_of_templates_alone_would_mislead_and_that_is_remembered(studio: User) -> None:
    rows = [f"Where is my parcel number {i} please,a" for i in range(100)]
    rows += [f"Please send my money for {i} back,b" for i in range(100)]
    made = added(studio, rows)
    assert outcomes.known(studio, [made], within_s=0) == {}
    assert outcomes.of(studio, made).misleads
    assert outcomes.known(studio, [made], within_s=0)[made.id].misleads
    assert "templates" in outcomes.of(studio, made).why


def test_a_new_split_keeps_a_template_on_one_side(studio: User) -> None:
    rows = varied(240)
    for n in range(8):
        rows += [f"{rows[n].partition(',')[0]} said {100 * n + i},a" for i in range(6)]
    made = added(studio, rows)
    read = Rows.of(registry.shape(made.shape), datasets.rows(made))
    assert len(read.templated) == 8
    assert all(len({read.rows[i].held_out for i in group}) == 1 for group in read.templated)
