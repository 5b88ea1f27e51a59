"""The relations of the world's entities and their wordings, read once from `relations.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.lists import values, with_article


@dataclass(frozen=True, eq=False)
class Relation:
    """An attribute of an entity of `kind`, such as a person's job."""

    kind: str
    key: str
    told: bool
    """The world has a fact with this relation for every entity of the kind."""
    source: str
    """The kind of entity or the list for its values; empty for a number."""
    numbers: tuple[int, int] | None
    """First and last value of a number."""
    statements: Phrases
    ending: Phrases
    """The statements whose last word is the value."""
    questions: Phrases

    def state(self, draw: Draw, subject: str, value: str) -> str:
        """A sentence that says it, in any form that the phrasing allows."""
        return _filled(draw.any_phrase(self.statements), subject, value)

    def state_last(self, draw: Draw, subject: str, value: str) -> str:
        """A sentence that says it and ends with the value."""
        return _filled(draw.any_phrase(self.ending), subject, value)

    def ask(self, draw: Draw, subject: str) -> str:
        """A question about the value."""
        return draw.phrase(self.questions).format(s=subject)

    def sentence(self, subject: str, value: str) -> str:
        """The full sentence that answers the question."""
        return _filled(self.statements.known[0], subject, value)

    def value(self, draw: Draw) -> str:
        """Any value; for an entity mostly a new name, sometimes one of the world."""
        if self.numbers:
            return str(draw.whole(*self.numbers))
        if self.source in ("city", "company", "person", "river"):
            return draw.known_name(self.source) if draw.chance(0.3) else draw.novel(self.source)
        return draw.choice(draw.world.countries if self.source == "country" else values(self.source))


def _filled(statement: str, subject: str, value: str) -> str:
    return statement.format(s=subject, v=value, an=with_article(value))


def _ending(statements: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(s for s in statements if s.endswith(("{v}.", "{an}.")))


def _relation(kind: str, key: str, row: Mapping[str, object]) -> Relation:
    spec = {name: tuple(found) for name, found in row.items() if isinstance(found, list)}
    statements = Phrases(spec["statements"], spec["held_out_statements"])
    source = row["values"]
    return Relation(
        kind=kind,
        key=key,
        told=bool(row.get("told", False)),
        source=source if isinstance(source, str) else "",
        numbers=None if isinstance(source, str) else (spec["values"][0], spec["values"][1]),
        statements=statements,
        ending=Phrases(_ending(statements.known), _ending(statements.held_out) or _ending(statements.known)),
        questions=Phrases(spec["questions"], spec["held_out_questions"]),
    )


@cache
def relations() -> Mapping[str, tuple[Relation, ...]]:
    """Kind of entity → its relations, in the file's order."""
    with (Path(__file__).parent / "relations.toml").open("rb") as file:
        kinds = tomllib.load(file)
    return {kind: tuple(_relation(kind, key, row) for key, row in rows.items()) for kind, rows in kinds.items()}
