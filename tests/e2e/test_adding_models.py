"""The Models page in a real browser: a model is added from a folder, seen on its way, and ready."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
ADDED_MS = 240_000


@pytest.mark.long
def test_a_model_is_added_from_a_folder_and_deleted(page: Page, address: str, tiny_model_folder: Path) -> None:
    page.goto(f"{address}models")
    expect(page.locator("#your-models")).to_contain_text("studio-small")
    expect(page.locator("#catalogue")).to_contain_text("smollm2-135m-instruct")
    page.locator("#search-models textarea").fill("llama 3.2")
    expect(page.locator("#catalogue")).not_to_contain_text("smollm2-135m-instruct")
    page.locator("#catalogue").get_by_role("button", name="Add … llama-3.2-1b-instruct").click()
    expect(page.locator("#add-consent")).to_contain_text("accept the terms there")
    expect(page.locator("#add-hub textarea")).to_have_value("meta-llama/Llama-3.2-1B-Instruct")
    page.get_by_label("A folder on the server").check()
    expect(page.locator("#add-consent")).to_be_hidden()
    page.locator("#add-folder textarea").fill(str(tiny_model_folder))
    page.locator("#add-name textarea").fill("tiny")
    page.locator("#add-submit").click()
    expect(page.locator("#on-its-way")).to_contain_text("tiny")
    expect(page.locator("#your-models").get_by_role("link", name="tiny", exact=True)).to_be_visible(timeout=ADDED_MS)
    expect(page.locator("#on-its-way")).to_be_empty()

    page.locator("#your-models").get_by_role("link", name="tiny", exact=True).click()
    page.wait_for_url("**/models?model=tiny")
    page.locator("#model-name textarea").fill("renamed")
    page.locator("#rename-model").click()
    page.wait_for_url("**/models?model=renamed")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#delete-model").click()
    page.wait_for_url(f"{address}models")
    expect(page.locator(".heading .done")).to_contain_text("“renamed” is deleted")
    expect(page.locator("#your-models")).not_to_contain_text("renamed")
