"""The list on the Jobs page: filters, verdicts, pages, workers, and ticks that send only what changed."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.formats import percent
from app.pages import comparison, data_health, gallery, job_list, job_words, queue_views, stored_data, train_form
from app.pages.choices import data as data_choices
from app.pages.unchanged import only_changed
from storage import users
from storage.jobs import job_lists, jobs, leases, worker_rows
from storage.models import JobState, User
from tests.app import crowd

ANY = ("", "", "")


def listed(shown: list[Any]) -> str:
    """The list among the answers of `filtered`, `further` and `back`."""
    return str(shown[4])


def test_filters_leave_out_what_does_not_fit(studio: User, asking: Any) -> None:
    crowd.fill(studio, jobs=20, datasets=3)
    request = asking(studio)
    failed = listed(job_list.filtered(request, "FAILED", "", ""))
    assert "4 jobs</p>" in failed
    assert failed.count('class="state failed"') == 4
    assert "tickets-lora-0007" in listed(job_list.filtered(request, "", "0007", ""))
    assert "7 jobs" in listed(job_list.filtered(request, "", "", "tickets-0001"))
    assert "No job matches these filters." in listed(job_list.filtered(request, "FAILED", "0007", "tickets-0000"))
    assert job_list.opened(asking(studio, state="failed", name="lora"))[1:] == ["FAILED", "lora", ""]
    assert job_list.opened(asking(studio, state="lost"))[1:] == ["", "", ""]


def test_the_list_shows_verdicts(studio: User, asking: Any) -> None:
    assert "Your jobs appear here" in listed(job_list.filtered(asking(studio), *ANY))
    crowd.fill(studio, jobs=5)
    shown = listed(job_list.filtered(asking(studio), *ANY))
    assert '<span class="change better">Better</span>' in shown
    assert '<span class="change worse">Worse</span>' in shown


def test_the_pages_turn_there_and_back(studio: User, asking: Any) -> None:
    crowd.fill(studio, jobs=60)
    request = asking(studio)
    first = job_list.filtered(request, *ANY)
    assert "60 jobs · page 1 of 3" in listed(first)
    assert [button["visible"] for button in first[5:]] == [False, True]
    second = job_list.further(request, first[1], *ANY)
    assert "tickets-lora-0034" in listed(second)
    last = job_list.further(request, second[1], *ANY)
    assert "page 3 of 3" in listed(last)
    assert "tickets-lora-0000" in listed(last)
    assert [button["visible"] for button in last[5:]] == [True, False]
    assert job_list.back(request, last[1], *ANY)[1:] == second[1:]


def progress_of(user: User) -> str:
    """The share done of the only running job, as pages show it."""
    (job,) = [job for job in jobs.of_user(user) if job.state == JobState.RUNNING]
    return percent(job_words.share_done(job))


def test_a_tick_leaves_out_what_the_page_shows(studio: User, asking: Any) -> None:
    crowd.fill(studio, jobs=5, running=1)
    request = asking(studio)
    _, seen, *shown = job_list.tick(request, "", "", *ANY)
    before = progress_of(studio)
    assert before in shown[1]
    again = job_list.tick(request, seen, "", *ANY)
    assert again == [gr.skip()] * job_list.N_LIVE
    crowd.advance(studio, 45)
    _, later, *changed = job_list.tick(request, seen, "", *ANY)
    assert progress_of(studio) != before
    assert progress_of(studio) in changed[1]
    assert changed[2:] == [gr.skip()] * 2
    assert later != seen


def test_marks_of_another_version_are_not_trusted() -> None:
    seen, *_ = only_changed("", ["a", "b"])
    assert only_changed(seen, ["a", "c"])[1:] == [gr.skip(), "c"]
    assert only_changed(seen, ["a", "b", "c"])[1:] == ["a", "b", "c"]


def test_workers_and_the_queue_are_shown_without_hosts_and_names(studio: User) -> None:
    assert "No worker is running" in queue_views.queue(studio)
    ada = users.add("ada", "a long password")
    crowd.fill(studio, jobs=4, waiting=4)
    worker = worker_rows.register(device="cpu", slots=1, ready=True)
    assert "Worker 1 · CPU: idle" in queue_views.queue(studio)
    lease = leases.claim(worker, job_lists.page(studio).rows[-1].id)
    assert lease
    mine, hers = queue_views.queue(studio), queue_views.queue(ada)
    assert 'Worker 1 · CPU: <a href="jobs?job=job0000000000000">tickets-lora-0000</a>' in mine
    assert "3 jobs wait in the queue" in mine
    assert "Worker 1 · CPU: 1 job by others" in hers
    assert "tickets" not in hers
    for secret in (worker.host, str(worker.pid)):
        assert secret not in mine + hers


def test_data_has_pages_and_can_be_found(studio: User, asking: Any) -> None:
    crowd.fill(studio, datasets=120)
    request = asking(studio)
    _, trail, table, finding, newer, older = stored_data.show(request, "", "")
    assert table.count("Use ›") == stored_data.N_SHOWN
    assert [one["visible"] for one in (finding, newer, older)] == [True, False, True]
    second = stored_data.further(request, trail, "")
    assert "tickets-0069" in second[2]
    assert stored_data.back(request, second[1], "")[2] == table
    assert stored_data.found(request, "0007")[2].count("Use ›") == 1
    assert "No dataset has this in its name." in stored_data.found(request, "x")[2]


def test_the_gallery_shows_more_on_demand(studio: User, asking: Any) -> None:
    crowd.fill(studio, jobs=60, datasets=3, artifacts=60)
    request = asking(studio)
    any_ = (gallery.ANY,) * 4
    _, cards, more, limit = gallery.show_cards(request, *any_)
    assert cards.count("<article") == limit == 24
    assert more["value"] == "Show more (36 left)"
    _, cards, more, limit = gallery.show_cards(request, *any_, limit)
    assert (cards.count("<article"), more["value"]) == (48, "Show more (12 left)")
    _, cards, more, _ = gallery.show_cards(request, "any", "tickets-0001", "lora", "worse", limit)
    assert (cards.count("<article"), more["visible"]) == (5, False)


def test_choosers_offer_the_newest_and_find_the_others(studio: User, asking: Any) -> None:
    crowd.fill(studio, jobs=3, datasets=150, artifacts=3)
    assert [name for _, name in data_choices(studio, "tickets-0149")][:2] == ["tickets-0149", "tickets-0148"]
    assert [name for _, name in data_choices(studio, "tickets-0000")][-2:] == ["tickets-0050", "tickets-0000"]
    assert [name for _, name in data_choices(studio, "tickets-0149", "0007")] == ["tickets-0007", "tickets-0149"]
    typing = gr.KeyUpData(None, {"key": "7", "input_value": "0007"})
    _, found = data_health.find_other(asking(studio), "data:data000000000007", "", typing)
    assert found["choices"] == [("– none –", "")], "not the dataset itself"
    _, found = train_form.find_data(asking(studio), "tickets-0149", typing)
    assert [name for _, name in found["choices"]] == ["tickets-0007", "tickets-0149"]
    assert list(comparison.known_models(studio))[-3:] == ["result-0002", "result-0001", "result-0000"]
