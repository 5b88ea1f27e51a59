"""Words that the user lists, such as insults or secret products, in prompts and answers.

Finds whole words, in any case and character width; in scripts that put no spaces between words, it finds them
anywhere. Rejected answers count too, and are reported separately.
"""

from __future__ import annotations

from collections import Counter

from storage.data.health.check import N_EXAMPLES, WORDS, Check, Finding, Severity, excerpt, finding
from storage.data.health.fix import dropping
from storage.data.health.personal_data import masked
from storage.data.rows.comparable import normalised
from storage.data.rows.rows import Row, Rows
from storage.data.rows.words import Words
from templates.quantities import plural

_AROUND = 40
"""Characters shown before the word."""
_NAMED = 5
"""Words for which the finding gives a row count."""
_PLACES = {"answer": "in an answer", "rejected answer": "in the rejected answer only", "prompt": "in the prompt only"}


def find(rows: Rows) -> Finding | None:
    """The rows that contain one of the words."""
    if rows.words is None:
        return None
    found: list[tuple[Row, str]] = []
    n_rows: Counter[str] = Counter()
    n_places: Counter[str] = Counter()
    for row, prompt in zip(rows.rows, rows.prompts, strict=True):
        held = _held(row, prompt, rows.words)
        if held:
            n_rows.update({word for words in held.values() for word in words})
            n_places[next(iter(held))] += 1
            found.append((row, _shown(row, prompt, held, rows.words) if len(found) < N_EXAMPLES else ""))
    words = sorted(n_rows, key=lambda word: (-n_rows[word], word))
    named = ", ".join(f"“{excerpt(word)}” in {n_rows[word]:,}" for word in words[:_NAMED])
    more = f" and {plural(len(words) - _NAMED, 'more word', 'more words')}" if len(words) > _NAMED else ""
    where = ", ".join(f"{n_places[place]:,} {said}" for place, said in _PLACES.items() if n_places[place])
    says = f"{plural(len(found), 'row contains', 'rows contain')} words from your list: {named}{more}; {where}."
    return finding(found, len(rows.rows), says, words)


def _held(row: Row, prompt: str, words: Words) -> dict[str, Counter[str]]:
    """The words found in each part of the row; the learned parts come first."""
    answers = [_counted(normalised(answer), words) for answer in row.answers]
    earlier = sum(answers[:-1], Counter())  # a conversation's prompt includes its earlier answers
    parts = {
        "answer": sum(answers, Counter()),
        "rejected answer": _counted(normalised(row.rejected or ""), words),
        "prompt": _counted(prompt, words) - earlier,
    }
    return {part: held for part, held in parts.items() if held}


def _counted(text: str, words: Words) -> Counter[str]:
    return Counter(word for _, word in words.places(text))


def _shown(row: Row, prompt: str, held: dict[str, Counter[str]], words: Words) -> str:
    part, found = next(iter(held.items()))
    texts = {"answer": "\n".join(row.answers), "rejected answer": row.rejected or "", "prompt": prompt}
    hidden = masked(normalised(texts[part]))
    start = next((place for place, _ in words.places(hidden)), 0)
    return f"“{next(iter(found))}” in the {part}: {hidden[max(0, start - _AROUND) :]}"


SPEC = Check(
    title="Words from your list",
    why="A model adopts the tone and words of its training answers: what they say now and then, it says too.",
    source="“Methods for adapting large language models”: fine-tuning is for tone, style and format",
    severity=Severity(),
    unlearned="to answer without these words",
    find=find,
    fix=dropping("Drop the rows"),
    needs=WORDS,
)
