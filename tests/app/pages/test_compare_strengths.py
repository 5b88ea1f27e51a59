"""Comparing results at less than their full strength."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from app import chat_client
from app.pages import comparison, conversations, panes
from storage.gallery import artifacts
from storage.models import Artifact, Job, User


def values(shown: list[Any]) -> list[str]:
    n = len(comparison.KEPT)
    return [update["value"] for update in shown[-panes.PANES - n : -n]]


def weakable(artifact: Artifact, **config: Any) -> None:
    """Give the stored result PEFT's configuration."""
    path = artifacts.folder(artifact) / "adapter_config.json"
    path.write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 16, "r": 8, **config}))


def test_the_address_names_strengths_and_only_results_with_one_have_a_control(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    weakable(finished[1])
    shown = comparison.open_page(asking(studio, models="studio-nano,tickets-lora@0.5,tickets-lora"))
    assert values(shown)[:3] == ["studio-nano", "tickets-lora", "tickets-lora"]
    first = 2 + panes.PANES
    controls, owners = shown[first : first + panes.PANES], shown[first + panes.PANES : first + 2 * panes.PANES]
    assert [(one["visible"], one["value"]) for one in controls[:3]] == [(False, 1.0), (True, 0.5), (True, 1.0)]
    assert owners[:3] == ["studio-nano", "tickets-lora", "tickets-lora"]
    assert comparison.show_strength(asking(studio), "tickets-lora")[1:] == [
        gr.update(visible=True, value=1.0),
        "tickets-lora",
    ]
    assert not comparison.show_strength(asking(studio), "studio-nano")[1]["visible"]
    weakable(finished[1], use_dora=True)
    shown = comparison.open_page(asking(studio, models="studio-nano,tickets-lora@0.5,tickets-lora@7"))
    assert "“tickets-lora” can&#39;t be weakened" in shown[0]
    assert "7 isn&#39;t a strength" in shown[0]
    assert shown[first + 1] == gr.update(visible=False, value=1.0)


def test_a_strength_counts_for_the_model_it_was_chosen_for() -> None:
    asked = ["base", "tone", "tone", "other", 1, 0.5, 0.25, 0.5, "base", "tone", "tone", "tone"]
    assert panes.at_strengths(asked) == ["base", "tone@0.5", "tone@0.25", "other"]
    assert panes.at_strengths(asked, 2) == ["base", "tone@0.5"]
    before = conversations.written([[{"role": "user", "content": "Hi"}]] * 2, ["base", "tone"])
    started_over = comparison.anew("", before, 2, *asked)
    assert "All panes start anew" in started_over[0]
    assert started_over[1] == "Hi"


def test_a_pane_says_its_strength() -> None:
    told = {"kind": "adapter", "base": "studio-nano", "adapter_effect": 1.0}
    assert "<b>adapted, strength 0.5</b>" in panes.header(told, "tone", 0.5)
    assert "strength" not in panes.header(told, "tone")
    info = chat_client.Info("tone", "stop", strength=0.5)
    assert "strength 0.5" in panes.small_print(panes.Answer(info=info))
    assert "strength" not in panes.small_print(panes.Answer(info=chat_client.Info("tone", "stop", strength=1.0)))
