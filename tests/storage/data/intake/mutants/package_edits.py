"""Changes inside zipped Office documents: parts cut out or swapped, and their XML taken apart."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from random import Random

from lxml import etree

from tests.storage.data.intake.mutants import byte_edits

# fmt: off
TEXTS = (
    "", " ", "0", "1", "-1", "999999999", "1e999", "nan", "-0.0000001", "45000.5", "12345678901234567890", "TRUE",
    "_x0000_", "_xD800_", "_x000D_", "x" * 3_000, "a\nb", "é你🙂", "\u2028", "٣", "²", "=1+1", "../../etc/passwd",
)
VALUES = (
    *TEXTS, "s", "str", "inlineStr", "b", "e", "d", "n", "A1", "B2", "XFD1048576", "ZZZ1", "A1:C3", "B3:A1", "rId1",
    "rId2", "rId99", "worksheet", "true", "hidden", "veryHidden", "14", "49", "164", "0.00;(0.00)", "yyyy-mm-dd",
    "[h]:mm", '#,##0.00 "€"', "# ?/?", "Heading1", "External",
)
# fmt: on
"""For attributes: kinds of cells, places, formats, relations."""


def unzipped(data: bytes) -> dict[str, bytes]:
    """The parts of a package by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def packed(parts: Mapping[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A package of these parts, the same bytes every time."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", how) as file:
        for name, content in parts.items():
            file.writestr(zipfile.ZipInfo(name), content, how)
    return sink.getvalue()


def changed_part(data: bytes, draw: Random) -> bytes:
    """The package with one part cut out, swapped with another, or changed inside."""
    parts = unzipped(data)
    name = draw.choice(_by_weight(parts))
    how = draw.choice(("xml", "xml", "xml", "xml", "xml", "bytes", "bytes", "drop", "swap", "rename", "twice"))
    if how == "xml":
        parts[name] = _taken_apart(parts[name], draw)
    elif how == "bytes":
        parts[name] = draw.choice(byte_edits.IN_TEXT)(parts[name], draw)
    elif how == "drop":
        del parts[name]
    elif how == "swap":
        other = draw.choice(list(parts))
        parts[name], parts[other] = parts[other], parts[name]
    elif how == "rename":
        parts[draw.choice((name.upper(), f"../{name}", f"/{name}", name[:-1], "é" + name))] = parts.pop(name)
    made = packed(parts, draw.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)))
    return made + made if how == "twice" else made


def _by_weight(parts: Mapping[str, bytes]) -> list[str]:
    """The names, those of the parts that hold text or say where it is more often."""
    often = ("sheet1", "sharedstrings", "document.xml", "styles", "workbook.xml")
    return [name for name in parts for _ in range(5 if any(word in name.lower() for word in often) else 1)]


def _taken_apart(content: bytes, draw: Random) -> bytes:
    """XML with one to three of its elements changed; well-formed still."""
    try:
        root = etree.fromstring(content)
    except etree.XMLSyntaxError:
        return byte_edits.delete(content, draw)
    for _ in range(draw.choice((1, 1, 2, 3))):
        _change(root, draw)
    return etree.tostring(root, xml_declaration=True, encoding=draw.choice(("UTF-8", "UTF-8", "UTF-16", "ASCII")))


def _change(root: etree._Element, draw: Random) -> None:
    elements = list(root.iter("{*}*"))
    element, other = draw.choice(elements), draw.choice(elements)
    parent = element.getparent()
    how = draw.choice(("remove", "repeat", "move", "text", "text", "attribute", "attribute", "drop attribute", "retag"))
    if how == "text":
        element.text = draw.choice([text for text in TEXTS if "\x00" not in text])
    elif how == "attribute":
        names = list(element.attrib) or ["r"]
        element.set(draw.choice(names), draw.choice(VALUES))
    elif how == "drop attribute" and element.attrib:
        del element.attrib[draw.choice(list(element.attrib))]
    elif how == "retag":
        element.tag = other.tag
    elif parent is not None and how == "remove":
        parent.remove(element)
    elif parent is not None and how == "repeat":
        for _ in range(draw.choice((1, 2, 40))):
            parent.insert(parent.index(element), etree.fromstring(etree.tostring(element)))
    elif parent is not None and other not in set(element.iter()):
        other.append(element)
