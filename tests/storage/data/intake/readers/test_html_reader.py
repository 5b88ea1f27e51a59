"""Web pages: their text by sections, in their own encoding, without what is not text."""

from __future__ import annotations

import pytest

from tests.storage.data.intake.readers.conftest import Extract

PAGE = """<!DOCTYPE html>
<html><head><meta charset="{charset}"><title> The
 title </title><style>p {{ color: red }}</style></head>
<body><nav><ul><li>Home<li>About</ul></nav>
<p>Above.</p>
<h1>First &amp; foremost</h1>
<p>Some <b>bo</b>ld text
 over lines,<br>é 你.</p><script>document.write("<p>no</p>")</script>
<ul><li>one<li>two</ul>
<table><caption>Prices</caption><tr><th>what<th>price<tr><td><p>tea</p><td>2 €</table>
<h2>Second</h2><h3>Third</h3>
<pre>  kept
    as is</pre><div style="display: none">hidden</div><div hidden>too</div>
<p aria-hidden="true">also</p><p>Last <ruby>字<rt>ji</rt></ruby> word.</p>
</body></html>"""
FIRST = "First & foremost\n\nSome bold text over lines,\né 你.\n\none\n\ntwo\n\nPrices\nwhat | price\ntea | 2 €"
THIRD = "Second\n\nThird\n\n  kept\n    as is\n\nLast 字 word."


@pytest.mark.parametrize("charset", ["utf-8", "UTF-16", "gb18030"])
def test_sections_of_a_page(extract: Extract, charset: str) -> None:
    found = extract("page.html", PAGE.format(charset=charset).encode(charset))
    assert found.format == "html"
    assert found.column("text") == ["Above.", FIRST, THIRD]
    assert found.column("title") == ["The title", "First & foremost", "Second › Third"]
    assert "Scripts, styles, navigation" in found.said


@pytest.mark.parametrize(
    ("declared", "codec", "said"),
    [
        ('<meta charset="iso-8859-1">', "cp1252", ""),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1252">', "cp1252", ""),
        ("<meta charset=latin1>", "utf-8", "says that it is latin1, but it is UTF-8"),
        ('<meta charset="klingon">', "utf-8", "an unknown encoding, “klingon”"),
        ('<meta charset="zlib">', "utf-8", "an unknown encoding"),
        ("", "utf-8", ""),
        ("", "cp1252", "which is a guess"),
        ("", "utf-8-sig", "byte-order mark"),
    ],
)
def test_encodings(extract: Extract, declared: str, codec: str, said: str) -> None:
    text = f"<!-- saved --><html><head>{declared}</head><p>Grüße aus Köln, schöne Straße</p><p>und mehr</p></html>"
    found = extract("page.html", text.encode(codec))
    assert found.column("text") == ["Grüße aus Köln, schöne Straße", "und mehr"]
    assert said in found.said


def test_japanese_in_seven_bits(extract: Extract) -> None:
    text = '<html><meta charset="iso-2022-jp"><p>こんにちは</p><p>世界</p>'
    assert extract("page.html", text.encode("iso2022_jp")).column("text") == ["こんにちは", "世界"]


def test_a_title_below_the_head_joins_no_words(extract: Extract) -> None:
    found = extract("page.html", b"<html><body>one<title>T</title>two<p>three</p></body></html>")
    assert found.column("text") == ["one two", "three"]
    assert found.column("title") == ["T", "T"]


def test_a_layout_table_is_no_table(extract: Extract) -> None:
    page = "<html><table><tr><td><h1>A</h1><p>one</p><td><h1>B</h1>two</table>"
    assert extract("page.htm", page.encode()).column("text") == ["A\n\none", "B\n\ntwo"]


@pytest.mark.parametrize(
    ("filename", "page", "format"),
    [
        ("page.txt", "<html><body><p>a</p><p>b</p></body></html>", "html"),
        ("page", "\n<!doctype HTML><p>a</p><p>b</p>", "html"),
        ("part.html", "a<p>b</p>", "html"),
        ("part.txt", "<p>a</p>\n<p>b</p>\n", "plain_text"),
        ("said.html", "no tags\nat all\n", "plain_text"),
    ],
)
def test_pages_are_known_by_content(extract: Extract, filename: str, page: str, format: str) -> None:
    assert extract(filename, page.encode()).format == format


def test_broken_markup_is_read_to_its_end(extract: Extract) -> None:
    page = "<html><p>one<p>two</b></div><td>three<p>&notit; &#0;<p>" + "<" * 5_000 + "<a <a <a"
    found = extract("page.html", page.encode())
    assert found.column("text")[:2] == ["one", "two"]
    assert found.refused == ""
