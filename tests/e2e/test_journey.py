"""From a CSV to the side-by-side chat in six actions, on the real parts, in a real browser."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
TRAINED_S = 600
INTENTS = {"refund": "I want my money back for order", "delivery": "Where is the parcel with number"}
RESULT: dict[str, str] = {}
"""What the journey made, for the tests after it."""


@pytest.fixture(scope="module")
def csv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file that the product does not know."""
    rows = [f"{text} {100 + i}?,{intent}" for i in range(30) for intent, text in INTENTS.items()]
    path = tmp_path_factory.mktemp("files") / "shop questions.csv"
    path.write_text("\n".join(["utterance,intent", *rows]))
    return path


def quick(page: Page) -> None:
    """Settings for a machine that is busy with other tests; not part of the journey's six actions."""
    page.get_by_text("quick try").click()
    expect(page.locator("#setting-num_train_epochs input")).to_have_value("1")
    page.get_by_role("button", name=re.compile("More settings")).click()
    page.locator("#setting-max_steps input").fill("3")
    page.locator("#setting-max_length input").fill("64")
    expect(page.locator("#preflight")).to_contain_text("in 3 updates")


def test_six_actions_lead_to_the_chat(page: Page, address: str, csv_file: Path) -> None:
    page.goto(address)
    expect(page.locator("h1")).to_contain_text("Adapt a language model to your data")

    page.locator("#drop input[type=file]").set_input_files(csv_file)  # 1 drop
    page.wait_for_url("**/data?upload=*")
    expect(page.locator("#rendered .learned").first).to_contain_text("refund")
    expect(page.get_by_label("Name of the dataset")).to_have_value("shop-questions")
    page.locator("#use-data").click()  # 2 confirm

    page.wait_for_url("**/train?data=shop-questions")
    expect(page.locator("#preflight")).to_contain_text("Before you launch")
    expect(page.locator("#rendered .learned").first).to_be_visible()
    quick(page)
    page.locator("#launch").click()  # 3 launch

    page.wait_for_url("**/jobs?job=*")
    job_address = page.url
    expect(page.locator("#jobs")).to_contain_text("shop-questions-lora")
    compare = page.get_by_role("link", name="Compare side by side")
    expect(compare).to_be_visible(timeout=TRAINED_S * 1000)
    expect(page.locator("#outcome")).to_contain_text("held-out rows")
    expect(page.locator("#outcome")).to_contain_text("took")
    expect(page.locator("#chart svg")).to_be_visible()
    bars = page.locator("#outcome svg.bar").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().width)")
    assert len(bars) >= 2
    assert len(set(bars)) == 1, "base and adapted are drawn on one scale"
    page.reload()
    compare.click()  # 4 compare

    page.wait_for_url("**/compare?models=studio-small,shop-questions-lora")
    page.locator("#chip-0").click()  # 5 a held-out prompt
    expect(page.locator("#expected")).to_contain_text("Wanted answer")
    expect(page.locator("#prompt textarea")).not_to_be_empty()
    page.locator("#send").click()  # 6 send
    for pane in (0, 1):
        small = page.locator(f"#pane-{pane} .small-print")
        expect(small).to_contain_text("first token after", timeout=120_000)
        expect(page.locator(f"#chat-{pane} .bot").first).to_be_visible()
    expect(page.locator("#pane-0")).to_contain_text("identical to the untouched base ✓")
    expect(page.locator("#pane-1 .pane-head.adapted code").nth(1)).to_have_text(re.compile("[0-9a-f]{8}"))
    RESULT.update(job=job_address.removeprefix(address))


def test_a_second_turn_and_four_panes(page: Page, address: str) -> None:
    page.goto(f"{address}compare?models=studio-small,shop-questions-lora")
    page.locator("#chip-0").wait_for()
    page.locator("#n-panes").get_by_text("4").click()
    expect(page.locator("#pane-3")).to_be_visible()
    alone = page.get_by_label("Ask each message on its own")
    expect(alone, "the model answers with labels").to_be_checked()
    alone.uncheck()
    for turn in (1, 2):
        page.locator("#prompt textarea").fill(f"<b>Where</b> is my parcel {turn}?")
        page.keyboard.press("Enter")
        expect(page.locator("#send"), "as often as it is sent").to_have_text("Answering …")
        for pane in range(4):
            expect(page.locator(f"#chat-{pane} .bot")).to_have_count(turn, timeout=120_000)
            expect(page.locator(f"#pane-{pane} .small-print")).to_contain_text("first token", timeout=120_000)
        expect(page.locator("#send")).to_have_text("Send", timeout=120_000)
    expect(page.locator("#chat-0 b")).to_have_count(0)
    expect(page.locator("#chat-0 .user").first).to_have_text("<b>Where</b> is my parcel 1?")
    page.get_by_label("Seed").fill("7")
    page.wait_for_url("**seed=7*")
    page.reload()
    expect(page.get_by_label("Seed")).to_have_value("7")


def test_the_zip_comes_whole(page: Page, address: str) -> None:
    page.goto(f"{address}gallery")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").first.click()
    content = Path(started.value.path()).read_bytes()
    names = [Path(name).name for name in zipfile.ZipFile(io.BytesIO(content)).namelist()]
    for wanted in ("adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "README.md", "recipe.toml"):
        assert wanted in names
    assert "training_args.bin" not in names


def test_the_gallery_leads_to_the_comparison(page: Page, address: str) -> None:
    page.goto(f"{address}gallery")
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_url("**/compare?models=shop-questions-lora")
    expect(page.locator("#model-0 input")).to_have_value("studio-small · base")


def test_an_error_stands_on_top_and_nothing_typed_is_lost(page: Page, address: str) -> None:
    page.goto(f"{address}train?data=shop-questions")
    expect(page.locator("#preflight")).to_contain_text("Before you launch")
    page.locator("#setting-learning_rate input").fill("7")
    page.locator("#setting-r input").fill("0")
    alert = page.locator("#alert [role=alert]")
    expect(alert).to_contain_text("Rank")
    page.locator("#launch").click()
    expect(alert).to_contain_text("Learning rate")
    expect(alert).to_be_focused()
    expect(page.locator("#setting-learning_rate input")).to_have_value("7")
    assert "/train" in page.url


def test_a_file_that_is_none_is_told_on_the_spot(page: Page, address: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('[{"text": "a"},')
    page.goto(address)
    page.locator("#drop input[type=file]").set_input_files(broken)
    expect(page.locator("#alert [role=alert]")).to_contain_text("broken.json")
    expect(page.locator("#alert")).not_to_contain_text("Traceback")


def test_sample_data_is_one_click_away(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("#sample").click()
    page.wait_for_url("**/data?upload=*")
    expect(page.locator("#rendered .learned").first).to_be_visible()


def test_another_set_of_sample_data_is_two_clicks_away(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Library answers").check()
    page.locator("#sample").click()
    page.wait_for_url("**/data?upload=*")
    expect(page.get_by_label("Name of the dataset")).to_have_value("support")
    expect(page.locator("#rendered .learned").first).to_be_visible()


def test_the_form_has_the_settings_of_the_goal_and_remembers_what_was_typed(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Polite openings").check()
    page.locator("#sample").click()
    page.wait_for_url("**/data?upload=*")
    page.locator("#use-data").click()
    page.wait_for_url("**/train?data=preferences")
    card = page.locator("#preflight")
    expect(page.locator("#setting-beta input")).to_have_value("0.1")
    expect(page.locator("#rendered")).to_contain_text("rejected")
    page.get_by_role("button", name=re.compile("More settings")).click()
    page.locator("#setting-max_steps input").fill("3")
    expect(card).to_contain_text("in 3 updates")
    page.get_by_text("Learn input → output").click()
    expect(page.locator("#setting-beta")).to_have_count(0)
    expect(page.locator("#setting-max_steps input")).to_have_value("-1")
    expect(card).not_to_contain_text("in 3 updates")
    page.get_by_text("Prefer these answers to those").click()
    expect(page.locator("#setting-max_steps input")).to_have_value("3")
    expect(card).to_contain_text("in 3 updates")


def test_a_finding_is_mended_into_a_new_version(page: Page, address: str, tmp_path: Path) -> None:
    rows = [f"{text} {500 + i}?,{intent}" for i in range(30) for intent, text in INTENTS.items()]
    file = tmp_path / "untidy.csv"
    file.write_text("\n".join(["utterance,intent", *rows, *rows[:6], "Where is my coat?,Delivery"]))
    page.goto(address)
    page.locator("#drop input[type=file]").set_input_files(file)
    page.wait_for_url("**/data?upload=*")
    page.locator("#use-data").click()
    page.wait_for_url("**/train?data=untidy")
    page.goto(f"{address}data?data=untidy")
    expect(page.locator("#health")).to_contain_text("in 67 rows")
    expect(page.locator("#findings")).to_contain_text("Spelling of labels")
    page.get_by_label("Exact duplicates: Keep the first of each").check()
    page.locator("#mend").click()
    page.wait_for_url("**/data?data=untidy-v2")
    expect(page.locator("#health")).to_contain_text("in 61 rows")
    page.get_by_role("tab", name="Versions").click()
    expect(page.locator("#versions")).to_contain_text("use the most frequent spelling of each: 1 changed")
    expect(page.locator("#versions")).to_contain_text("untidy.csv")
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    assert started.value.suggested_filename == "untidy-v2.csv"


def test_the_next_file_of_the_same_columns_is_mapped_as_the_last(page: Page, address: str, tmp_path: Path) -> None:
    def drop(month: str, n_empty: int = 0) -> None:
        rows = [f"{i},Where is parcel {i}?,{'' if i < n_empty else f'Parcel {i} is here.'}" for i in range(40)]
        file = tmp_path / f"{month}.csv"
        file.write_text("\n".join(["ticket,customer,agent", *rows]))
        page.goto(address)
        page.locator("#drop input[type=file]").set_input_files(file)
        page.wait_for_url("**/data?upload=*")
        page.locator("#fit .fit").wait_for()

    drop("october")
    expect(page.locator("#fit")).to_contain_text("Choose a column for “Prompt” and “Answer”.")
    for slot, column in enumerate(("customer", "agent")):
        page.locator(f"#field-{slot} input").click()
        page.get_by_role("option", name=column, exact=True).click()
        expect(page.locator(f"#why-{slot}")).to_contain_text("Your choice.")
    expect(page.locator("#fit")).to_contain_text("All 40 rows fit.")
    expect(page.locator("#rendered .learned").first).to_contain_text("Parcel 0 is here.")
    page.locator("#use-data").click()
    page.wait_for_url("**/train?data=october")

    drop("november", n_empty=2)
    expect(page.locator("#remembered")).to_contain_text("As for “october” on ")
    expect(page.locator("#field-0 input")).to_have_value("customer")
    expect(page.locator("#fit")).to_contain_text("38 of 40 rows fit.")
    expect(page.locator("#rendered .learned").first).to_contain_text("Parcel 2 is here.")
    page.locator("#switch-mapping").click()
    expect(page.locator("#field-0 input")).to_have_value("")
    page.get_by_role("button", name="Choose as for “october”").click()
    expect(page.locator("#field-0 input")).to_have_value("customer")
    expect(page.locator("#first-rows")).to_contain_text("Parcel 2 is here.")
    page.locator("#use-data").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_label("Leave out 2 rows").check()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.locator("#use-data").click()
    page.wait_for_url("**/train?data=november")
    page.goto(f"{address}train?data=nope")
    expect(page.locator("#preflight")).to_contain_text("Before you launch")
    expect(page.get_by_role("alert")).to_contain_text("There is no dataset “nope”")  # the form's checks leave it


def test_a_waiting_job_can_be_cancelled_and_run_again(page: Page, address: str) -> None:
    page.goto(f"{address}train?data=shop-questions")
    expect(page.locator("#preflight")).to_contain_text("Before you launch")
    page.locator("#job-name textarea").fill("to-be-cancelled")
    page.locator("#launch").click()
    page.wait_for_url("**/jobs?job=*")
    page.once("dialog", lambda asked: asked.dismiss())
    page.locator("#cancel").click()
    expect(page.locator("#cancel"), "nothing is thrown away unasked").to_be_visible()
    page.once("dialog", lambda asked: asked.accept())
    page.locator("#cancel").click()
    expect(page.locator("#retry")).to_be_visible(timeout=120_000)
    expect(page.locator("#job-head")).to_contain_text("to-be-cancelled")
    expect(page.locator("#jobs .state").first).to_have_text("cancelled")


PAGES = ("", "data", "models", "data?data=shop-questions", "train?data=shop-questions", "JOB", "gallery", "compare")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_read_by_everybody_and_on_a_phone(browser: Browser, address: str, path: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    page = context.new_page()
    page.goto(address + (RESULT["job"] if path == "JOB" else path))
    settle(page)
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    page.wait_for_function("document.getAnimations().every(one => !(one instanceof CSSTransition))")
    assert violations(page) == []

    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    links = page.locator("nav a")
    assert links.count() == 7
    assert all(links.nth(i).is_visible() for i in range(7))
    context.close()


def violations(page: Page) -> list[str]:
    """What axe finds, and where."""
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {[node['html'][:200] for node in one['nodes'][:4]]}" for one in found]


def settle(page: Page) -> None:
    """Wait until the page has drawn itself and its first events have answered."""
    page.locator("h1").wait_for()
    page.wait_for_timeout(2500)
