"""Twenty blind votes by key become a tally, preference data, and a training that is compared with its base."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1800)]
TRAINED_MS, ANSWERED_MS = 900_000, 240_000
N_VOTES, N_ROWS = 20, 40
NAMES = ("studio-nano", "studio-small")


def test_votes_by_key_become_a_model(page: Page, address: str, tmp_path: Path) -> None:
    rows = [f"Say something about parcel {i}.,The parcel {i} has come." for i in range(N_ROWS)]
    file = tmp_path / "talks.csv"
    file.write_text("\n".join(["prompt,completion", *rows]))
    page.goto(address)
    page.locator("#drop input[type=file]").set_input_files(file)
    page.wait_for_url("**/data?upload=*")
    page.locator("#use-data").click()
    page.wait_for_url("**/train?data=talks*")

    page.goto(f"{address}blind?models={','.join(NAMES)}&prompts=training&data=talks")
    expect(page.locator("#blind-models")).to_contain_text(NAMES[1], timeout=ANSWERED_MS)
    page.locator("#blind-length input").fill("24")
    _letters_are_no_votes(page)
    page.locator("#ask-both").click()
    given = [_vote(page, number) for number in range(1, N_VOTES + 1)]
    _take_back_and_vote_again(page, given[-1])

    page.goto(f"{address}votes")
    expect(page.locator("#tally")).to_contain_text(f"{N_VOTES} votes on {N_VOTES} prompts")
    expect(page.locator("#tally svg[role=img]")).to_be_visible()
    counted = page.locator("#tally table.list tbody tr td").all_inner_texts()
    decided = sum(key in ("ArrowLeft", "2") for key in given)
    assert int(counted[1]) + int(counted[2]) == decided, "a key that is pressed twice counts once"
    assert int(counted[3]) == N_VOTES - decided
    page.get_by_label("Name of the dataset").fill("liked")
    page.locator("#make-dataset").click()
    page.wait_for_url("**/data?data=liked")
    expect(page.locator(".done").first).to_contain_text("is made of your votes")
    page.get_by_role("tab", name="Versions").click()
    expect(page.locator("#versions")).to_contain_text("votes on answers of")

    page.goto(f"{address}train?data=liked")
    page.get_by_role("button", name=re.compile("More settings")).click()
    expect(page.locator("#setting-beta input")).to_have_value("0.1", timeout=ANSWERED_MS)
    page.locator("#setting-max_steps input").fill("3")
    expect(page.locator("#preflight")).to_contain_text("in 3 updates", timeout=ANSWERED_MS)
    page.locator("#launch").click()
    page.wait_for_url("**/jobs?job=*")
    compare = page.get_by_role("link", name="Compare side by side")
    expect(compare).to_be_visible(timeout=TRAINED_MS)
    compare.click()
    page.wait_for_url("**/compare?models=*liked*")
    for pane in (0, 1):  # what is typed before the page knows its models is lost
        expect(page.locator(f"#pane-{pane} .pane-head code").first).to_be_visible(timeout=ANSWERED_MS)
    page.locator("#prompt textarea").fill("Say something about parcel 99.")
    page.keyboard.press("Enter")
    for pane in (0, 1):
        expect(page.locator(f"#pane-{pane} .small-print")).to_contain_text("first token after", timeout=ANSWERED_MS)
    page.locator("#vote-blind").click()
    page.wait_for_url("**/blind?models=*liked*")
    expect(page.locator("#blind-models")).to_contain_text("liked", timeout=ANSWERED_MS)


def _letters_are_no_votes(page: Page) -> None:
    """In a box, keys are letters."""
    page.locator("#vote-note textarea").focus()
    page.keyboard.type("t2x")
    expect(page.locator("#vote-note textarea")).to_have_value("t2x")
    page.locator("#vote-note textarea").fill("")


def _vote(page: Page, number: int) -> str:
    """Prefer the shorter answer, by key, pressed twice; returns the key."""
    expect(page.locator("#vote-left")).to_be_enabled(timeout=ANSWERED_MS)
    a, b = (page.locator(f"#answer-{side} .bot .said").inner_text() for side in "ab")
    question = page.locator("#question").inner_text() + page.locator(".panes").inner_text()
    assert not any(name in question for name in NAMES)
    key = "t" if len(a) == len(b) else "ArrowLeft" if len(a) < len(b) else "2"
    expect(page.locator("#question-title")).to_be_focused()
    page.keyboard.press(key)
    page.keyboard.press(key)
    counted = "1 vote in all" if number == 1 else f"{number} votes in all"
    expect(page.locator("#said")).to_contain_text(counted, timeout=ANSWERED_MS)
    return key


def _take_back_and_vote_again(page: Page, key: str) -> None:
    """The last vote, whose question comes back in place of the next one, which waits and is not used up."""
    expect(page.locator("#vote-left")).to_be_enabled(timeout=ANSWERED_MS)
    expect(page.locator("#question-title")).to_be_focused()
    waits = page.locator("#question .turn").inner_text()
    page.keyboard.press("u")
    expect(page.locator("#said")).to_contain_text("is taken back")
    expect(page.locator("#question-title")).to_have_text(f"Question {N_VOTES}")
    expect(page.locator("#vote-left")).to_be_enabled()
    page.keyboard.press(key)
    expect(page.locator("#said")).to_contain_text(f"You voted: {'Tie' if key == 't' else ''}")
    expect(page.locator("#said")).to_contain_text(f"{N_VOTES} votes in all")
    expect(page.locator("#question-title")).to_have_text(f"Question {N_VOTES + 1}")
    expect(page.locator("#question .turn")).to_have_text(waits)
    expect(page.locator("#vote-left")).to_be_enabled()
