"""Templates and tokenizers that nobody has checked run within limits, and keep nobody else waiting."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.rendering import limited, questions
from storage.rendering.limited import Model
from storage.rendering.limited_process import GIB, Limits, Overrun
from storage.rendering.questions import Longest, Measured, Shown, Sides
from templates.errors import BadInput, Unavailable

ROW = {"prompt": "Is this thing on?", "completion": "It is."}
ENDLESS = "{% for i in range(99999) %}{% for j in range(99999) %}{% for k in range(99999) %}{% endfor %}" + (
    "{% endfor %}{% endfor %}"
)
ATTACKS = {
    "nested loops": (ENDLESS, "takes too long"),
    "multiplied": ("{{ 'a' * 2000000000 }}", "more memory"),
    "centred": ("{{ 'x'|center(3000000000) }}", "more memory"),
    "formatted": ("{{ '%3000000000d' % 1 }}", "more memory"),
    "joined": ("{% for i in range(90000) %}{{ 'ab ' * 100000 }}{% endfor %}", "more memory|too long"),
}
Made = Callable[..., Model]


@pytest.fixture
def made(tmp_path: Path, nano_folder: Path) -> Made:
    """Makes an added model, by default with the bundled model's files."""

    def make(name: str, template: str | None = None, owner: str = "eve", tokenizer: str | None = None) -> Model:
        folder = tmp_path / name
        shutil.copytree(nano_folder, folder)
        if template is not None:
            (folder / "chat_template.jinja").write_text(template)
        if tokenizer is not None:
            (folder / "tokenizer.json").write_text(tokenizer)
        return Model(name, str(folder), "1", owner, bundled=False)

    return make


def shown(model: Model) -> Shown:
    return Shown(model, "prompt_completion", ROW, [ROW], "", 512, False)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of processor time for each question, which a loaded machine may take long to give."""
    limits = Limits(memory_bytes=3 * GIB // 2, cpu_s=0, within_s=60.0)
    for question in (Shown, Measured):
        monkeypatch.setattr(question, "limits", limits)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_template_that_takes_too_much_is_stopped_and_named(made: Made, attack: str) -> None:
    template, why = ATTACKS[attack]
    with pytest.raises(BadInput, match=f"the chat template of “{attack}” .*({why})") as refused:
        limited.ask(made(attack, template), shown(made(f"{attack} too", template)))
    assert refused.value.code == "over_limit"
    assert "chat templates" in str(refused.value)
    assert limited.ask(good := made("good"), shown(good)).rendered[0].n_trained


@pytest.mark.parametrize("tokenizer", ["[" * 3_000_000, '{"a":[' + "1," * 20_000_000 + "1]}", '{"a":' * 100_000])
def test_a_hostile_tokenizer_is_refused(made: Made, tokenizer: str) -> None:
    with pytest.raises(BadInput, match="tokenizer"):
        limited.ask(model := made("hostile", tokenizer=tokenizer), shown(model))


def test_text_beyond_every_context_window_is_refused(made: Made) -> None:
    with pytest.raises(BadInput, match=r"chat template .*(writes [\d,]{10,} characters|refuses|answer)"):
        limited.ask(model := made("long", "{{ messages[0].content }}{{ 'ab ' * 6000000 }}"), shown(model))


def test_what_an_added_model_shows_is_what_the_bundled_one_would(
    made: Made, nano_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled, added = Model("nano", str(nano_folder), "0", "eve", bundled=True), made("added")
    expected = limited.ask(bundled, shown(bundled))

    def never(*_: object) -> None:
        raise AssertionError("an added model's template runs in this process")

    rows = [ROW, {**ROW, "prompt": "long " * 40}, ROW]
    report = Measured(bundled, "prompt_completion", rows, "Be brief.", 64, False, "sft").answer()
    monkeypatch.setattr(questions, "remembered", never)
    assert limited.ask(added, shown(added)) == expected
    assert limited.ask(added, Longest(added, "prompt_completion", rows, "")) == 1
    assert limited.ask(added, Measured(added, "prompt_completion", rows, "Be brief.", 64, False, "sft")) == report


def test_a_warm_preview_is_quick(made: Made, nano_folder: Path) -> None:
    def fastest(model: Model) -> float:
        times = []
        for _ in range(20):
            began = time.perf_counter()
            limited.ask(model, shown(model))
            times.append(time.perf_counter() - began)
        return min(times)

    here = fastest(Model("nano", str(nano_folder), "0", "eve", bundled=True))
    assert fastest(made("warm")) < here + 0.05


def test_one_persons_hostile_models_keep_nobody_else_waiting(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    good, hostile = made("good", owner="amy"), [made(f"hostile {i}", ENDLESS) for i in range(limited.AT_ONCE)]
    limited.ask(good, shown(good))
    monkeypatch.setattr(Shown, "limits", Limits(GIB, cpu_s=0, within_s=60.0))
    n_refused = threading.Semaphore(0)

    def attack(model: Model) -> str:
        try:
            limited.ask(model, shown(model))
        except (BadInput, Unavailable) as error:
            n_refused.release()
            return error.code
        return "answered"

    with ThreadPoolExecutor(12) as pool:
        n_sent = limited.AT_ONCE + limited.MOST_WAITING
        running = [pool.submit(attack, model) for model in hostile]
        while sum(limited._turns._working.values()) < limited.AT_ONCE:
            time.sleep(0.001)
        assert limited.ask(good, shown(good)).rendered
        assert not any(one.done() for one in running), "answered only after the attack"
        monkeypatch.setattr(limited._turns, "_within_s", 0.05)
        waiting = [pool.submit(attack, hostile[0]) for _ in range(n_sent)]
        assert {one.result() for one in waiting[-2:]} == {"unavailable"}
        assert {one.result() for one in running} == {"over_limit"}


def test_a_killed_process_is_replaced(made: Made) -> None:
    import os
    import signal

    model = made("good")
    limited.ask(model, shown(model))
    process = limited._idle.take(model.key)
    os.kill(process._pid, signal.SIGKILL)
    with pytest.raises(Overrun, match="crashes"):
        process.ask(shown(model))
    assert isinstance(limited.ask(model, shown(model)), Sides)
