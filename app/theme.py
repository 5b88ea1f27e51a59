"""The look: a calm, dense notebook. One accent for *adapted*, one neutral for *base*, in light and dark.

Gradio's own default colours miss WCAG AA in places; the values set here meet it.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils.fonts import LocalFont

CSS = Path(__file__).with_name("theme.css")
HEAD = """
<meta name="color-scheme" content="light dark">
<style>
@media (max-width: 640px) {
  nav.fillable { flex-wrap: nowrap !important; gap: 0 !important; padding: 0 4px !important; width: 100%; }
  nav.fillable { justify-content: space-between !important; }
  nav.fillable a { font-size: 14px !important; padding: 6px !important; margin: 0 !important; }
}
</style>
"""
"""Colours before the first paint, without which dark mode flashes white; and the navigation on a phone,
which lies outside what Gradio lets `theme.css` reach in a media query."""


def theme() -> gr.themes.Base:
    """The theme, with fonts that ship with Gradio: nothing is loaded from elsewhere."""
    # Gradio's file of the weight 600 lacks most letters.
    sans = (LocalFont("IBM Plex Sans", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif")
    mono = (LocalFont("IBM Plex Mono"), "ui-monospace", "Consolas", "monospace")
    made = gr.themes.Base(
        primary_hue="teal", neutral_hue="slate", spacing_size="sm", radius_size="sm", font=sans, font_mono=mono
    )
    return made.set(
        body_background_fill="#fbfbfa",
        body_background_fill_dark="#14181d",
        body_text_color="#1d2733",
        body_text_color_dark="#e4e9ee",
        body_text_color_subdued="#566372",
        body_text_color_subdued_dark="#a3afbc",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1b2128",
        background_fill_secondary="#f4f5f4",
        background_fill_secondary_dark="#20272f",
        border_color_primary="#d9dedf",
        border_color_primary_dark="#38424d",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1b2128",
        block_border_color="#d9dedf",
        block_border_color_dark="#38424d",
        block_label_text_color="#3b4856",
        block_label_text_color_dark="#c3ccd5",
        block_title_text_color="#3b4856",
        block_title_text_color_dark="#c3ccd5",
        block_info_text_color="#566372",
        block_info_text_color_dark="#a3afbc",
        block_shadow="none",
        input_background_fill="#ffffff",
        input_background_fill_dark="#14181d",
        input_border_width="1px",
        input_border_color="#8d99a5",
        input_border_color_dark="#66737f",
        input_placeholder_color="#66737f",
        input_placeholder_color_dark="#94a1ae",
        link_text_color="#0f6b64",
        link_text_color_dark="#5fd4c6",
        link_text_color_hover="#0a4f4a",
        link_text_color_hover_dark="#99e6dc",
        link_text_color_visited="#0f6b64",
        link_text_color_visited_dark="#5fd4c6",
        button_primary_background_fill="#0f6b64",
        button_primary_background_fill_dark="#5fd4c6",
        button_primary_background_fill_hover="#0a4f4a",
        button_primary_background_fill_hover_dark="#99e6dc",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#0c1f1d",
        button_border_width="1px",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#252d36",
        button_secondary_border_color="#8d99a5",
        button_secondary_border_color_dark="#66737f",
        button_cancel_background_fill="#ffffff",
        button_cancel_background_fill_dark="#252d36",
        button_cancel_border_color="#a3231d",
        button_cancel_border_color_dark="#ff9d96",
        button_cancel_text_color="#a3231d",
        button_cancel_text_color_dark="#ff9d96",
        button_secondary_text_color="#1d2733",
        button_secondary_text_color_dark="#e4e9ee",
        color_accent="var(--adapted)",
        color_accent_soft="#e2f3f0",
        color_accent_soft_dark="#173b38",
        checkbox_label_background_fill="#ffffff",
        checkbox_label_background_fill_dark="#1b2128",
        checkbox_label_text_color="#1d2733",
        checkbox_label_text_color_dark="#e4e9ee",
        checkbox_label_background_fill_selected="#e2f3f0",
        checkbox_label_background_fill_selected_dark="#173b38",
        checkbox_label_text_color_selected="#0a4f4a",
        checkbox_label_text_color_selected_dark="#bdf0e8",
        checkbox_background_color_selected="#0f6b64",
        checkbox_background_color_selected_dark="#2aa596",
        checkbox_border_color="#8d99a5",
        checkbox_border_color_dark="#66737f",
    )
