"""The parts of a zipped Office document: found by their relations, read as a stream of XML elements.

No part has business declaring entities of its own, so one that does is refused before any is expanded.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from storage.data.intake.office import zip_files
from storage.data.intake.office.zip_files import SENT_AGAIN, Unusable

_SAFE = {"resolve_entities": False, "no_network": True, "remove_comments": True, "remove_pis": True}


@dataclass(frozen=True)
class Relation:
    """A part's pointer to another: `kind` is the last word of its type, e.g. `worksheet`."""

    id: str
    kind: str
    target: str
    """The other part's name in the zip."""


def local(name: str) -> str:
    """A tag's or attribute's name without its namespace: there are two of each, transitional and strict."""
    return name.rpartition("}")[2]


def attribute(element: Any, name: str) -> str | None:
    """The attribute of this local name."""
    return next((str(value) for key, value in element.attrib.items() if local(key) == name), None)


class Parts:
    """An opened document. Everything raises `Unusable` for what is damaged or hostile."""

    def __init__(self, file: zipfile.ZipFile):
        self._file = file
        self._names = {name.lower(): name for name in file.namelist()}
        self._counts = Counter(name.lower() for name in file.namelist())

    def name(self, wanted: str) -> str | None:
        """The part's exact name; some writers differ in case from what they refer to."""
        return self._names.get(wanted.lower())

    def names(self, prefix: str) -> list[str]:
        """The parts whose names begin like this."""
        return sorted(name for lowered, name in self._names.items() if lowered.startswith(prefix.lower()))

    def main(self) -> str:
        """The part with the document itself."""
        found = [relation.target for relation in self.relations("") if relation.kind == "officeDocument"]
        if not found:
            raise damaged("it does not say which of its parts is the document")
        return found[0]

    def relations(self, part: str) -> list[Relation]:
        """Where a part points to inside the document; of the whole document for an empty name."""
        folder, own = posixpath.split(part)
        name = self.name(posixpath.join(folder, "_rels", f"{own}.rels"))
        found: list[Relation] = []
        for element in self.elements(name, "Relationship") if name else ():
            target = unquote(element.get("Target") or "")
            if element.get("TargetMode") != "External" and target:
                place = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                kind = (element.get("Type") or "").rpartition("/")[2]
                found.append(Relation(element.get("Id") or "", kind, place))
        return found

    def related(self, part: str, kind: str) -> str | None:
        """The name of the one part of a kind that another points to, if it does."""
        return next((relation.target for relation in self.relations(part) if relation.kind == kind), None)

    def elements(self, part: str, *tags: str, starts: bool = False) -> Iterator[Any]:
        """The elements of these local names as they end; each is freed when the next is asked for.

        With `starts`, `(event, element)` for their starts too, and freeing them is left to the caller.
        """
        from lxml import etree

        name = self.name(part)
        if name is None:
            raise damaged(f"its part “{part}” is missing")
        if self._counts[name.lower()] > 1:
            raise damaged(f"its part “{part}” is there twice")
        events = ("start", "end") if starts else ("end",)
        try:
            with self._file.open(name) as stream:
                wanted = tuple(f"{{*}}{tag}" for tag in tags)
                parsing = etree.iterparse(stream, events, tag=wanted, **_SAFE)
                checked = False
                for event, element in parsing:
                    if not checked and element.getroottree().docinfo.internalDTD is not None:
                        raise damaged(f"its part “{part}” declares entities, which Office never does")
                    if not starts and next(element.iterancestors(element.tag), None) is not None:
                        raise damaged(f"its part “{part}” has a “{local(element.tag)}” inside another")
                    checked = True
                    yield (event, element) if starts else element
                    if not starts:
                        forget(element)
        except (etree.XMLSyntaxError, *zip_files.DAMAGE) as error:
            if getattr(error, "code", None) == etree.ErrorTypes.ERR_NO_MEMORY:
                raise MemoryError from error
            raise damaged(f"part “{part}”: {zip_files.reason(error)}") from error


def forget(element: Any) -> None:
    """Free an element and those before it, which the parser would keep to the end."""
    element.clear(keep_tail=True)
    while element.getprevious() is not None:
        del element.getparent()[0]


def damaged(why: str) -> Unusable:
    """The error for a document that can't be read to its end."""
    return Unusable(f"is damaged ({why}).", SENT_AGAIN)
