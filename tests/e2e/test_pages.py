"""What every page owes to keyboards, screens and links, tried in a real browser on the running studio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
MOST_KEYS = 28
LEADS = {
    "": "Start",
    "data": "Data",
    "models": "Models",
    "train": "Train",
    "jobs": "Jobs",
    "gallery": "Gallery",
    "compare": "Compare",
}
UNKNOWN = {
    "data?data=nope": "There is no dataset “nope”",
    "data?upload=nope": "The file of this link is not here",
    "models?model=nope": "There is no base model “nope”",
    "jobs?job=nope": "There is no job “nope”",
    "gallery?artifact=nope": "There is no result “nope”",
    "compare?models=nope": "There is no model “nope”",
}


class Keys:
    """Presses keys, and counts them."""

    def __init__(self, page: Page):
        self.page, self.n = page, 0

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.n += 1

    def tab_to(self, selector: str) -> None:
        """Go on with Tab until the element, or a part of it, has the focus."""
        while not self.page.evaluate("(s) => !!document.activeElement.closest(s)", selector):
            assert self.n < 2 * MOST_KEYS, f"{selector} is not reached"
            self.press("Tab")


def test_by_keyboard_alone_from_start_to_launch(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("#state")).not_to_be_empty()
    keys = Keys(page)
    keys.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    keys.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    keys.tab_to("#sample")
    keys.press("Enter")
    page.wait_for_url("**/data?upload=*")
    expect(page.locator("#rendered .learned").first).to_be_visible()
    expect(page.locator("h1")).to_be_focused()
    keys.tab_to("#use-data")
    keys.press("Enter")
    page.wait_for_url("**/train?data=*")
    expect(page.locator("#preflight")).to_contain_text("Before you launch")
    expect(page.locator("#launch")).to_be_enabled()
    expect(page.locator("h1")).to_be_focused()
    keys.tab_to("#launch")
    print(f"{keys.n + 1} keys")
    assert keys.n + 1 <= MOST_KEYS, "and Enter launches"


@pytest.mark.long
def test_every_page_has_a_title_a_skip_link_and_groups(page: Page, address: str) -> None:
    for path, title in LEADS.items():
        page.goto(address + path)
        expect(page).to_have_title(f"{title} – Adaptation Studio")
        expect(page.locator(".skip")).to_be_attached()
    group = page.get_by_role("radiogroup", name="Panes")
    names = group.locator("input").evaluate_all("inputs => inputs.map(input => input.name)")
    assert len(names) == 3
    assert len(set(names)) == 1


@pytest.mark.long
def test_links_to_what_is_gone_lead_on(page: Page, address: str) -> None:
    for path, says in UNKNOWN.items():
        page.goto(address + path)
        expect(page.locator("#alert")).to_contain_text(says)
        expect(page.locator("h1")).to_be_visible()


@pytest.mark.long
def test_an_address_without_a_page_leads_on(browser: Browser, address: str) -> None:
    page = browser.new_page()
    answer = page.goto(f"{address}nope")
    assert answer
    assert answer.status == 404
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("link", name="your data").click()
    expect(page).to_have_title("Data – Adaptation Studio")
    page.close()


@pytest.fixture
def phone(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


@pytest.mark.long
def test_panes_start_anew_with_another_model_and_a_reload_keeps_it(phone: Page, address: str) -> None:
    """On a phone, where the answers also come in sight."""
    page = phone
    page.goto(f"{address}compare?models=studio-small,studio-small")
    expect(page.locator("#pane-0 .pane-head")).to_contain_text("base", timeout=120_000)
    page.locator("#prompt textarea").fill("What is 2 + 3?")
    page.locator("#send").click()
    expect(page.locator("#chat-0 .bot")).to_be_in_viewport()
    expect(page.locator("#chat-0 [role=log]")).to_be_focused()
    expect(page.locator("#send")).to_have_text("Send", timeout=120_000)
    expect(page.locator("#pane-0 .small-print")).to_contain_text("first token after")
    page.locator("#model-1 input").click()
    page.get_by_role("option", name="studio-nano").click()
    expect(page.locator("#notice")).to_contain_text("start anew")
    expect(page.locator("#chat-0")).to_contain_text("will stream here")
    expect(page.locator("#prompt textarea")).to_have_value("What is 2 + 3?")
    page.reload()
    expect(page.locator("#model-1 input")).to_have_value("studio-nano · base")


@pytest.mark.long
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_flaw_of_any_weight(browser: Browser, address: str, scheme: Any, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    page.locator("#sample").click()
    page.wait_for_url("**/data?upload=*")
    upload = page.url.removeprefix(address)
    page.locator("#use-data").click()
    page.wait_for_url("**/train?data=*")
    train = page.url.removeprefix(address)
    found = []
    for path in (*LEADS, *UNKNOWN, upload, train, train.replace("train", "data"), f"{train}&base=nope", "nope"):
        page.goto(address + path)
        page.locator("h1").wait_for()
        page.wait_for_timeout(2500)  # the page draws itself and its first events answer
        for violation in Axe().run(page).response["violations"]:
            found.append(
                f"{path or 'start'}: {violation['id']}: {[node['html'][:200] for node in violation['nodes'][:3]]}"
            )
    context.close()
    assert found == []
