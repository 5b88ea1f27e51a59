"""Charts are well-formed SVG, and their numbers can be read as text."""

from __future__ import annotations

from xml.etree import ElementTree

from app import charts


def svg(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])


def test_losses_are_drawn_and_described() -> None:
    train = [(step, 5 / step) for step in range(1, 1000)]
    drawn = svg(charts.loss_chart(train, [(0, 5.0), (500, 1.0)], 1000))
    assert len(drawn.findall("path")) == 2
    assert "held-out loss 1.00 at step 500" in drawn.attrib["aria-label"]
    assert len(drawn.findall("circle")) < 100
    assert drawn.find("circle/title") is not None


def test_nothing_yet_and_not_a_number() -> None:
    assert "begins with the first" in charts.loss_chart([], [], 10)
    assert "nan" not in charts.loss_chart([(1, float("nan")), (2, 1.0)], [], 10)
    assert "<svg" in charts.loss_chart([(1, 2.0)], [(1, 2.0)], 1)


def test_the_table_has_the_same_numbers() -> None:
    table = charts.loss_table([(1, 4.0), (2, 3.0)], [(2, 2.5)])
    assert "<td>2</td><td>3.0000</td><td>2.5000</td>" in table
    assert "<td>1</td><td>4.0000</td><td>–</td>" in charts.loss_table([(1, 4.0)], [])


def test_any_metric_is_drawn_below_zero_too() -> None:
    html = charts.line_chart("margin <m>", [(1, -2.0), (2, float("nan")), (3, 1.0)], [], 3, note="; higher is better")
    drawn = svg(html)
    assert drawn.attrib["aria-label"] == "Margin <m> against steps: training margin <m> 1.00 at step 3"
    heights = [float(dot.attrib["cy"]) for dot in drawn.findall("circle")]
    assert len(heights) == 2
    assert charts.TOP < heights[1] < heights[0] < charts.HEIGHT - charts.BOTTOM
    assert "held-out" not in html
    assert "against steps; higher is better" in html
    assert charts.line_chart("margin", [(1, float("inf"))], [], 3) == ""
    assert "<td>3</td><td>1.0000</td><td>0.5000</td>" in charts.number_table("margin", [(3, 1.0)], [(3, 0.5)])
    assert "Training margin &lt;m&gt;" in charts.number_table("margin <m>", [(3, 1.0)], [])


def test_bars_have_whiskers_and_words() -> None:
    drawn = charts.bar_pair("<i>", {"value": 0.1, "low": 0, "high": 0.2}, {"value": 1.2, "low": 0.7, "high": 0.9})
    assert "&lt;i&gt;" in drawn
    assert "[70, 90]" in drawn
    assert svg(drawn).find("path") is not None


def _share(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


def test_shares_stand_on_one_scale_with_their_whiskers() -> None:
    rows = [
        ("tools & <b>", {"base": _share(0.5, 0.4, 0.6), "adapted": _share(1.0, 0.9, 1.2)}, "+50"),
        ("mean", {"base": _share(0.0, 0.0, 0.1)}, ""),
    ]
    html = charts.dot_rows({"base": "nano", "adapted": "<tuned>"}, rows, "right <answers>")
    drawn = svg(html)
    dots = [float(dot.attrib["cx"]) for dot in drawn.iter("circle")]
    assert dots == [(charts.LABELS + charts.WIDTH - charts.CHANGES) / 2, charts.WIDTH - charts.CHANGES, charts.LABELS]
    assert [title.text for title in drawn.iter("title")][:2] == ["nano 50 % [40, 60]", "<tuned> 100 % [90, 120]"]
    assert "tools & <b> nano 50 %, <tuned> 100 %; mean nano 0 %" in drawn.attrib["aria-label"]
    assert "&lt;tuned&gt;" in html
    assert "right &lt;answers&gt;" in html
    assert all(float(dot.attrib["cy"]) < 12 + 2 * 24 for dot in drawn.iter("circle"))


def test_the_histogram_marks_what_is_cut() -> None:
    drawn = svg(charts.histogram([(10, 5), (20, 3), (30, 1)], 20))
    assert [bar.attrib["class"] for bar in drawn.findall("rect")] == ["within", "within", "over"]
    assert charts.histogram([], 20) == ""


def test_the_histograms_scale_ends_with_its_last_edge_and_stands_evenly() -> None:
    drawn = svg(charts.histogram([(100 * i, 1) for i in range(1, 17)], 2_000, "Rows & <b>"))
    edges = [label for label in drawn.findall("text") if label.attrib["y"] == str(charts.HEIGHT - 10)]
    assert [label.text for label in edges] == [f"{n:,}" for n in range(200, 1_601, 200)]
    assert (edges[-1].attrib["text-anchor"], edges[-1].attrib["x"]) == ("end", str(charts.WIDTH))
    assert drawn.attrib["aria-label"].startswith("Rows & <b>, up to 1,600; at most 1 row in one bar")


def test_ticks_are_round() -> None:
    assert charts.ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert charts.ticks(2.31, 2.31) == [2.31]
