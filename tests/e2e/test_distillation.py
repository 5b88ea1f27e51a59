"""A small model learns from a larger one, and is compared with the same training without it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]
TRAINED_MS = 600_000
GOAL = "Make it smaller, or learn from a larger model"


def test_from_the_goal_to_the_contrast(page: Page, address: str, tmp_path: Path) -> None:
    texts = {"refund": "I want my money back for order", "delivery": "Where is the parcel with number"}
    file = tmp_path / "orders.csv"
    rows = [f"{text} {100 + i}?,{intent}" for i in range(30) for intent, text in texts.items()]
    file.write_text("\n".join(["utterance,intent", *rows]))
    page.goto(address)
    page.locator("#drop input[type=file]").set_input_files(file)
    page.wait_for_url("**/data?upload=*")
    page.locator("#use-data").click()
    page.wait_for_url("**/train?data=orders")
    expect(page.locator("#preflight")).to_contain_text("Before you launch")
    expect(page.locator("#objective")).to_have_count(0)

    _choose_the_way(page)
    _ask_the_teacher(page)
    _launch(page)
    taught = page.url
    expect(page.locator("#outcome")).to_contain_text("studio-small (teacher)", timeout=TRAINED_MS)
    expect(page.locator("#chart")).to_contain_text("istance to the teacher")
    page.locator("#run-contrast").click()
    page.wait_for_url(lambda url: "jobs?job=" in url and url != taught)
    expect(page.locator("#job-head")).to_contain_text("-without-teacher")
    expect(page.locator("#compare-contrast")).to_be_visible(timeout=TRAINED_MS)
    page.goto(taught)
    page.locator("#compare-contrast").click()
    page.wait_for_url("**/runs?ids=*")
    expect(page.locator("#comparison")).to_contain_text("without-teacher")
    expect(page.locator("#comparison")).to_contain_text("Learn input → output")


def _choose_the_way(page: Page) -> None:
    """By mouse and by keyboard; a reload shows the same."""
    page.get_by_text(GOAL).click()
    ways = page.get_by_role("radiogroup", name="How")
    expect(ways.locator("input").first).to_be_checked()
    expect(page.locator("#base input")).to_have_value(re.compile("studio-nano"))
    expect(page.locator("#teacher input")).to_have_value(re.compile("studio-small"))
    expect(page.locator("#launch"), "the form listens").to_be_enabled()
    ways.locator("input").first.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_url(lambda url: "objective=distill_" in url and "objective=distill_logits" not in url)
    expect(page.locator("#launch")).to_be_enabled()
    page.reload()
    expect(ways.locator("input").nth(1)).to_be_checked()
    expect(page.locator("#launch")).to_be_enabled()
    page.get_by_text("probabilities (advised)").click()
    page.wait_for_url("**objective=distill_logits*")
    expect(page.locator("#preflight")).to_contain_text("it leaves the memory")
    expect(page.locator("#launch")).to_be_enabled()


def _ask_the_teacher(page: Page) -> None:
    page.locator("#ask-teacher").click()
    expect(page.locator("#teacher-says")).to_contain_text("on row 1", timeout=120_000)
    expect(page.locator("#teacher-says td.sure").first).to_contain_text("%")
    page.get_by_role("button", name="Next ›").click()
    expect(page.locator("#teacher-says")).not_to_contain_text("on row 1")


def _launch(page: Page) -> None:
    """With settings for a machine that is busy with other tests."""
    page.get_by_role("button", name=re.compile("More settings")).click()
    page.locator("#setting-max_steps input").fill("3")
    page.locator("#setting-max_length input").fill("64")
    expect(page.locator("#preflight")).to_contain_text("in 3 updates")
    page.locator("#launch").click()
    page.wait_for_url("**/jobs?job=*")
