"""The look: a calm, dense notebook. One accent for *adapted*, one neutral for *base*, in light and dark.

Gradio's own default colours miss WCAG AA in places; the values set here meet it.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils.fonts import LocalFont

CSS = Path(__file__).with_name("theme.css")
SCRIPT = Path(__file__).with_name("page.js").read_text("utf-8")
HEAD = f"""
<meta name="color-scheme" content="light dark">
<style>
@media (max-width: 640px) {{
  nav.fillable {{ flex-wrap: nowrap !important; gap: 0 !important; padding: 0 4px !important; width: 100%; }}
  nav.fillable {{ justify-content: space-between !important; }}
  nav.fillable a {{ font-size: 14px !important; padding: 6px !important; margin: 0 !important; }}
}}
</style>
<script>
{SCRIPT}</script>
"""
"""Sets the colours before the first paint (dark mode would flash white) and the navigation on phones,
which `theme.css` can't reach from a media query in Gradio; and the script of every page."""

COLOURS = {
    "body_background_fill": ("#fbfbfa", "#14181d"),
    "body_text_color": ("#1d2733", "#e4e9ee"),
    "body_text_color_subdued": ("#566372", "#a3afbc"),
    "background_fill_primary": ("#ffffff", "#1b2128"),
    "background_fill_secondary": ("#f4f5f4", "#20272f"),
    "border_color_primary": ("#d9dedf", "#38424d"),
    "block_background_fill": ("#ffffff", "#1b2128"),
    "block_border_color": ("#d9dedf", "#38424d"),
    "block_label_text_color": ("#3b4856", "#c3ccd5"),
    "block_title_text_color": ("#3b4856", "#c3ccd5"),
    "block_info_text_color": ("#566372", "#a3afbc"),
    "input_background_fill": ("#ffffff", "#14181d"),
    "input_border_color": ("#8d99a5", "#66737f"),
    "input_placeholder_color": ("#66737f", "#94a1ae"),
    "link_text_color": ("#0f6b64", "#5fd4c6"),
    "link_text_color_hover": ("#0a4f4a", "#99e6dc"),
    "link_text_color_visited": ("#0f6b64", "#5fd4c6"),
    "button_primary_background_fill": ("#0f6b64", "#5fd4c6"),
    "button_primary_background_fill_hover": ("#0a4f4a", "#99e6dc"),
    "button_primary_text_color": ("#ffffff", "#0c1f1d"),
    "button_secondary_background_fill": ("#ffffff", "#252d36"),
    "button_secondary_border_color": ("#8d99a5", "#66737f"),
    "button_cancel_background_fill": ("#ffffff", "#252d36"),
    "button_cancel_border_color": ("#a3231d", "#ff9d96"),
    "button_cancel_text_color": ("#a3231d", "#ff9d96"),
    "button_secondary_text_color": ("#1d2733", "#e4e9ee"),
    "color_accent_soft": ("#e2f3f0", "#173b38"),
    "checkbox_label_background_fill": ("#ffffff", "#1b2128"),
    "checkbox_label_text_color": ("#1d2733", "#e4e9ee"),
    "checkbox_label_background_fill_selected": ("#e2f3f0", "#173b38"),
    "checkbox_label_text_color_selected": ("#0a4f4a", "#bdf0e8"),
    "checkbox_background_color_selected": ("#0f6b64", "#2aa596"),
    "checkbox_border_color": ("#8d99a5", "#66737f"),
}
"""Light and dark values, by Gradio's variable names."""

SAME = {
    "block_shadow": "none",
    "input_border_width": "1px",
    "button_border_width": "1px",
    "color_accent": "var(--adapted)",
}
"""Values for both light and dark."""


def theme() -> gr.themes.Base:
    """The theme, with fonts that ship with Gradio: it loads nothing external."""
    # Gradio's font file for weight 600 lacks most letters.
    sans = (LocalFont("IBM Plex Sans", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif")
    mono = (LocalFont("IBM Plex Mono"), "ui-monospace", "Consolas", "monospace")
    made = gr.themes.Base(
        primary_hue="teal", neutral_hue="slate", spacing_size="sm", radius_size="sm", font=sans, font_mono=mono
    )
    light = {place: colours[0] for place, colours in COLOURS.items()}
    dark = {f"{place}_dark": colours[1] for place, colours in COLOURS.items()}
    return made.set(**light, **dark, **SAME)
