"""Five facts of the small world that change, and others that must not.

The bundled models answer all of them from memory. The set also has facts to replay while the five are
taught, and facts for testing, which are neither taught nor replayed: some with the same subjects, some
with the same relations, and others.
"""

from __future__ import annotations

from functools import cache

from workers.workshop.samples import world_rows
from workers.workshop.samples.sample_set import Rows, SampleSet
from workers.workshop.world.draw import Draw
from workers.workshop.world.facts import Fact, world

RELATIONS = (("person", "job"), ("person", "city"), ("city", "river"), ("company", "product"), ("company", "founder"))
"""Kind of subject and relation of each changed fact."""
N_REPLAY = 120
N_SAME_RELATION = 100
N_LOCALITY = 240


def _chosen(draw: Draw) -> tuple[Fact, ...]:
    """One fact of each relation, about different subjects, all asked in the corpus."""
    subjects: set[str] = set()

    def one(of: tuple[str, str]) -> Fact:
        found = [f for f in world().asked if (f.relation.kind, f.relation.key) == of]
        return world_rows.different(lambda: draw.choice(found), lambda f: f.subject, subjects)

    return tuple(one(of) for of in RELATIONS)


@cache
def _parts() -> tuple[tuple[Fact, ...], list[tuple[str, Fact]], list[Fact]]:
    """The facts to change, the test facts with their relation to those, and the facts to replay."""
    draw = world_rows.draw("changed_facts")
    chosen = _chosen(draw)
    subjects, relations = {f.subject for f in chosen}, {f.relation for f in chosen}
    others = draw.shuffled([f for f in world().asked if f not in chosen])
    same_subject = [f for f in others if f.subject in subjects]
    elsewhere = [f for f in others if f.subject not in subjects]
    same_relation = [f for f in elsewhere if f.relation in relations][:N_SAME_RELATION]
    rest = [f for f in elsewhere if f not in same_relation]
    n_unrelated = N_LOCALITY - len(same_subject) - N_SAME_RELATION
    unrelated = [f for f in rest if f.relation not in relations][:n_unrelated]
    locality = [("same_subject", f) for f in same_subject] + [("same_relation", f) for f in same_relation]
    locality += [("unrelated", f) for f in unrelated]
    replay = [f for f in rest if f not in unrelated][:N_REPLAY]
    return chosen, locality, replay


def changes() -> Rows:
    """The five facts with new values; the first paraphrases occur in the corpus, the last two nowhere."""
    draw = world_rows.draw("changed_facts values")
    rows = []
    for fact in _parts()[0]:
        values = sorted({f.value for f in world().asked if f.relation is fact.relation} - {fact.value})
        prompt, *known = (question.format(s=fact.subject) for question in draw.shuffled(fact.relation.questions.known))
        rows.append(
            {
                "subject": fact.subject,
                "relation": fact.relation.key,
                "prompt": prompt,
                "target_new": f"{draw.choice(values)}.",
                "target_true": f"{fact.value}.",
                "paraphrases": known + [q.format(s=fact.subject) for q in fact.relation.questions.held_out],
            }
        )
    return rows


def _asked(draw: Draw, fact: Fact) -> dict[str, str]:
    return {
        "subject": fact.subject,
        "relation": fact.relation.key,
        "prompt": fact.relation.ask(draw, fact.subject),
        "completion": f"{fact.value}.",
    }


def replay() -> Rows:
    """Unchanged facts to replay while the changed ones are taught."""
    draw = world_rows.draw("changed_facts replay")
    return [_asked(draw, fact) for fact in _parts()[2]]


def locality() -> Rows:
    """Unchanged facts for testing, and how each relates to a changed one."""
    draw = world_rows.draw("changed_facts locality")
    return [{**_asked(draw, fact), "near": near} for near, fact in _parts()[1]]


SPEC = SampleSet(
    {"changed_facts.jsonl": changes, "changed_facts_replay.jsonl": replay, "changed_facts_locality.jsonl": locality}
)
