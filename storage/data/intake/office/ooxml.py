"""The parts of a zipped Office document: found by their relations, read as a stream of XML elements.

Office parts never declare entities, so a part that does is refused before any entity is expanded.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from storage.data.intake.office import zip_files
from storage.data.intake.office.zip_files import SENT_AGAIN, Unusable

_SAFE = {"resolve_entities": False, "no_network": True, "remove_comments": True, "remove_pis": True}


class Relation(NamedTuple):
    """A part's pointer to another: `kind` is the last word of its type, e.g. `worksheet`, `target` a part's name."""

    id: str
    kind: str
    target: str


def local(name: str) -> str:
    """A tag's or attribute's name without its namespace, of which there are two: transitional and strict."""
    return name.rpartition("}")[2]


def attribute(element: Any, name: str) -> str | None:
    """The attribute with this local name."""
    return next((str(value) for key, value in element.attrib.items() if local(key) == name), None)


class Parts:
    """An opened document. All methods raise `Unusable` for damaged or hostile content."""

    def __init__(self, file: zipfile.ZipFile):
        self._file = file

    def relations(self, part: str) -> list[Relation]:
        """The targets that a part points to inside the document; an empty name means the whole document."""
        folder, own = posixpath.split(part)
        name = posixpath.join(folder, "_rels", f"{own}.rels")
        found: list[Relation] = []
        for element in self.elements(name, "Relationship") if self.written(name) else ():
            target = unquote(element.get("Target") or "")
            if element.get("TargetMode") != "External" and target:
                place = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                kind = element.get("Type", "").rpartition("/")[2]
                found.append(Relation(element.get("Id", ""), kind, place))
        return found

    def related(self, part: str, kind: str) -> str | None:
        """The name of the single part of a kind that another part points to, if any."""
        return next((relation.target for relation in self.relations(part) if relation.kind == kind), None)

    def main(self) -> str:
        """The part that holds the document itself."""
        found = self.related("", "officeDocument")
        if found is None:
            raise damaged("it does not say which of its parts is the document")
        return found

    def written(self, part: str) -> list[str]:
        """The names in the zip that mean this part; some programs use a different case in references."""
        return [name for name in self._file.namelist() if name.lower() == part.lower()]

    def elements(self, part: str, *tags: str) -> Iterator[Any]:
        """The elements with these local names as they end; each is freed when the next one is requested."""
        from lxml import etree

        names = self.written(part)
        if len(names) != 1:
            raise damaged(f"its part “{part}” is {'there twice' if names else 'missing'}")
        try:
            with self._file.open(names[0]) as stream:
                is_checked = False
                for _, element in etree.iterparse(stream, tag=[f"{{*}}{tag}" for tag in tags], **_SAFE):
                    if not is_checked and element.getroottree().docinfo.internalDTD is not None:
                        raise damaged(f"its part “{part}” declares entities, which Office never does")
                    if next(element.iterancestors(element.tag), None) is not None:
                        raise damaged(f"its part “{part}” has a “{local(element.tag)}” inside another")
                    is_checked = True
                    yield element
                    element.clear(keep_tail=True)
                    while element.getprevious() is not None:
                        del element.getparent()[0]
        except (etree.XMLSyntaxError, *zip_files.DAMAGE) as error:
            if getattr(error, "code", None) == etree.ErrorTypes.ERR_NO_MEMORY:
                raise MemoryError from error
            raise damaged(f"part “{part}”: {zip_files.reason(error)}") from error


def damaged(why: str) -> Unusable:
    """The error for a document that can't be read to its end."""
    return Unusable(f"is damaged ({why}).", SENT_AGAIN)
