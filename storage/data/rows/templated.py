"""Rows made from one template: their texts differ only by numbers and names, and their answers not even by that.

Numbers may be the point: “Is 7 more than 5?” is another question than “Is 3 more than 5?”. So a template counts
only if nearly all its rows have the same answer, apart from numbers and names that are copied from the prompt.
A name is a capitalised word after a title or a greeting or, where nouns are not capitalised, within a sentence.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from storage.data.rows.comparable import normalised

SLOT = "#"
MIN_WORDS = 4
"""Words that a template must have besides its slots; characters of Chinese, Japanese and Korean count half."""
SAME_ANSWER = 0.9
"""Share of a template's rows that must have one answer."""
MANY, GOOD_PART = 8, 0.1
"""Rows of a template that are many whatever else there is, and the share of all rows from which few are too many."""
LONGEST = 2_000
"""Longer texts are not compared."""
MANY_CAPITALS = 0.4
GERMAN = 0.03
"""If more of the words within sentences are capitalised, as in headlines, or more of all words are common German
ones, where every noun is capitalised, then capitals don't tell names."""
_DENSE = "\u2e80-\ud7ff"
_TOKEN = re.compile(rf"[^\W{_DENSE}]+(?:[-'’./:@#][^\W{_DENSE}]+)*|[{_DENSE}]|[.!?:\n]")
_ENDS = frozenset(".!?:\n")
_GREETING = re.compile(
    "dear|hello|hi|hey|liebe|lieber|hallo|geehrter?|bonjour|chère?|cher|hola|estimad[ao]|querid[ao]|ciao|car[ao]|olá"
    "|prezad[ao]|beste|hej"
)
_TITLE = re.compile(
    "mr|mrs|ms|miss|mx|dr|prof|professor|sir|madam|herrn?|frau|monsieur|madame|mademoiselle|mme|señor|señora|señorita"
    "|sra?|signora?|senhora?|meneer|mevrouw|pani?"
)
_GERMAN_WORD = re.compile(
    "der|die|das|und|ich|nicht|ist|eine?|mit|meine?|ihre?|sie|wir|zu|den|dem|auf|für|von|im", re.IGNORECASE
)


@dataclass(frozen=True)
class Template:
    """A text without its numbers and names."""

    words: tuple[str, ...]
    slots: frozenset[str]
    """The numbers and names that were taken out, as normalised words."""

    @property
    def is_telling(self) -> bool:
        """Whether there is enough text around at least one slot."""
        plain = [word for word in self.words if word != SLOT]
        n_dense = sum("\u2e80" <= word <= "\ud7ff" for word in plain if len(word) == 1)
        return len(plain) < len(self.words) and len(plain) - n_dense / 2 >= MIN_WORDS


def groups(prompts: Sequence[str], answers: Sequence[str]) -> list[list[int]]:
    """Groups of positions whose rows come from one template and have one answer, in ascending order.

    People repeat a phrase now and then: small groups count only if they are a good part of all rows.
    """
    found = _groups(prompts, answers)
    if sum(map(len, found)) >= GOOD_PART * len(prompts):
        return found
    return [group for group in found if len(group) >= MANY]


def _groups(prompts: Sequence[str], answers: Sequence[str]) -> list[list[int]]:
    read = [_TOKEN.findall(text) if len(text) <= LONGEST else [] for text in prompts]
    capitals_tell = _capitals_tell(read)
    names = {word for tokens in read for word in _names(tokens, capitals_tell)}
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    templates = [_template(tokens, names, capitals_tell) for tokens in read]
    for i, template in enumerate(templates):
        if template.is_telling:
            found[template.words].append(i)
    kept = (_of_one_answer(places, templates, answers) for places in found.values() if len(places) > 1)
    return sorted(group for group in kept if len({normalised(prompts[i]) for i in group}) > 1)


def _of_one_answer(places: list[int], templates: Sequence[Template], answers: Sequence[str]) -> list[int]:
    said = {i: _without(answers[i], templates[i].slots) for i in places}
    (most, n), *_ = Counter(said.values()).most_common(1)
    return [i for i in places if said[i] == most] if n >= SAME_ANSWER * len(places) else []


def _without(answer: str, slots: frozenset[str]) -> tuple[str, ...]:
    """The answer's words, without the numbers and names of its prompt."""
    return _merged(SLOT if token.casefold() in slots else token.casefold() for token in _TOKEN.findall(answer))


def _template(tokens: Sequence[str], names: set[str], capitals_tell: bool) -> Template:
    own = set(_names(tokens, capitals_tell))
    words, slots = [], set()
    for token in tokens:
        plain = token.casefold()
        if _has_digit(token) or "@" in token or (token[0].isupper() and (plain in own or plain in names)):
            slots.add(plain)
            words.append(SLOT)
        else:
            words.append(plain)
    return Template(_merged(word for word in words if word not in _ENDS), frozenset(slots))


def _merged(words: Iterator[str]) -> tuple[str, ...]:
    """Several slots in a row are one: “John Smith” fills the same place as “Ann”."""
    listed = list(words)
    return tuple(word for last, word in pairwise(["", *listed]) if not (word == last == SLOT))


def _names(tokens: Sequence[str], capitals_tell: bool) -> Iterator[str]:
    """The words of a text that are taken for names, titles included, casefolded."""
    last, was_name = ".", False
    for token in tokens:
        before = last.casefold()
        if token == "." and _TITLE.fullmatch(before):
            continue  # “Mr. Miller”: the full stop ends no sentence
        introduced = was_name or bool(_GREETING.fullmatch(before) or _TITLE.fullmatch(before))
        is_title = token[0].isupper() and bool(_TITLE.fullmatch(token.casefold()))
        is_name = is_title or (_is_capitalised(token) and (introduced or (capitals_tell and last not in _ENDS)))
        is_name = is_name and not _GREETING.fullmatch(token.casefold())
        if is_name:
            yield token.casefold()
        last, was_name = token, is_name


def _is_capitalised(token: str) -> bool:
    return len(token) > 1 and token[0].isupper() and token[:2].casefold() not in ("i'", "i’")


def _has_digit(token: str) -> bool:
    return any(sign.isdigit() for sign in token)


def _capitals_tell(texts: Sequence[Sequence[str]]) -> bool:
    """Whether a capital within a sentence makes a name of a word."""
    n_within = n_capitalised = n_words = n_german = 0
    for tokens in texts:
        n_words += len(tokens)
        n_german += sum(_GERMAN_WORD.fullmatch(token) is not None for token in tokens)
        for last, token in pairwise(tokens):
            if last not in _ENDS and token not in _ENDS and not _has_digit(token):
                n_within += 1
                n_capitalised += _is_capitalised(token)
    return n_capitalised <= MANY_CAPITALS * n_within and n_german <= GERMAN * n_words
