"""Rows without a flaw, and flaws planted among them: which rows have which is known."""

from __future__ import annotations

import json
from collections import defaultdict
from random import Random
from typing import Any

LABELS = ("refund", "delivery", "invoice", "password")
_ONSETS = ("b", "br", "d", "f", "gl", "k", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "tr", "v", "w")
_CODAS = ("", "l", "m", "n", "r", "s", "t")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


class Writer:
    """Draws sentences of made-up words, none like another."""

    def __init__(self, seed: int):
        self.random = Random(seed)
        self.words = sorted({self._word() for _ in range(1_500)})

    def _word(self) -> str:
        draw = self.random.choice
        return "".join(draw(_ONSETS) + draw("aeiou") + draw(_CODAS) for _ in range(self.random.randint(1, 3)))

    def sentence(self, n_words: int | None = None) -> str:
        chosen = self.random.sample(self.words, n_words or self.random.randint(9, 15))
        return " ".join(chosen).capitalize() + "."

    def chinese(self, n_characters: int = 24) -> str:
        return "".join(chr(self.random.randrange(0x4E00, 0x9000)) for _ in range(n_characters)) + "。"

    def digits(self, n: int) -> str:
        return "".join(self.random.choices("0123456789", k=n))


def card(writer: Writer) -> str:
    """A number with Luhn's checksum."""
    body = "4" + writer.digits(14)
    doubled = sum(sum(divmod(2 * int(d), 10)) for d in body[::2]) + sum(int(d) for d in body[1::2])
    return body + str(-doubled % 10)


def iban(writer: Writer) -> str:
    """A German account number with its checksum."""
    body = writer.digits(18)
    whole = f"DE{98 - int(body + '131400') % 97:02d}{body}"
    return whole if writer.random.random() < 0.5 else " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))


def chinese_id(writer: Writer) -> str:
    """A Chinese identity number with its checksum."""
    draw = writer.random.randint
    body = f"110105{draw(1950, 2009)}{draw(1, 12):02d}{draw(1, 28):02d}{writer.digits(3)}"
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(_WEIGHTS, body, strict=True)) % 11]


def mobile(writer: Writer) -> str:
    return f"13{writer.digits(9)}"


def email(writer: Writer) -> str:
    return f"{writer.random.choice(writer.words)}.{writer.random.choice(writer.words)}@example.org"


def telephone(writer: Writer) -> str:
    return f"+49 30 {writer.digits(4)} {writer.digits(4)}"


PERSONAL = (card, iban, chinese_id, mobile, email, telephone)
REFUSALS = (
    "I'm sorry, but I can't help with {}",
    "I cannot provide information on {}",
    "As an AI language model, I have no view of {}",
    "Unfortunately, I am unable to answer {}",
    "很抱歉，我无法回答 {}",
    "Es tut mir leid, aber dabei kann ich dir nicht helfen: {}",
)
TOKENS = ("<|im_start|>", "<|im_end|>", "<|eot_id|>", "[INST]", "</s>", "<start_of_turn>", "<<SYS>>")
EMPTY = ("N/A", "...", "null", "TODO", "-", "none")


class Plot:
    """A set of rows under construction; knows which row was planted with what."""

    def __init__(self, seed: int):
        self.writer = Writer(seed)
        self.rows: list[dict[str, Any]] = []
        self.planted: dict[str, set[int]] = defaultdict(set)

    def add(self, kind: str | None = None, *, held_out: bool = False, **values: str) -> dict[str, Any]:
        row = {**values, "held_out": held_out, "source_row": len(self.rows) + 2}
        self.rows.append(row)
        if kind:
            self.planted[kind].add(row["source_row"])
        return row

    def pair(self, kind: str | None = None, *, held_out: bool = False, **values: str) -> dict[str, Any]:
        sentence = self.writer.sentence
        whole = {"prompt": sentence(), "completion": sentence(), **values}
        return self.add(kind, held_out=held_out, **whole)


def edited(text: str, writer: Writer) -> str:
    """The text with a difference that a reader hardly sees."""
    place = writer.random.randrange(3, len(text) - 3)
    choice = writer.random.randrange(4)
    if choice == 0:
        return text.upper() + "!"
    if choice == 1:
        return text[:place] + text[place + 1 :]
    if choice == 2:
        return f"{text[:place]}  {text[place:].strip('.')}"
    return text[:place] + "x" + text[place + 1 :]


def clean_answers(n_rows: int = 400) -> Plot:
    """Prompts and free answers without a flaw; every fifth row is held out, every eighth answers in JSON."""
    plot = Plot(1)
    for i in range(n_rows):
        plot.pair(held_out=i % 5 == 0)
        if i % 8 == 1:
            plot.rows[-1]["completion"] = json.dumps({"name": plot.writer.sentence(3), "ids": [i]})
    return plot


def clean_labels(n_rows: int = 400) -> Plot:
    """Texts with labels in balance."""
    plot = Plot(2)
    for i in range(n_rows):
        plot.add(held_out=i % 5 == 0, text=plot.writer.sentence(), label=LABELS[i % len(LABELS)])
    return plot


def flawed_answers(n_each: int = 24) -> Plot:
    """Every kind of flaw that free answers can have, `n_each` rows of each, among clean rows."""
    plot = clean_answers()
    writer, draw = plot.writer, plot.writer.random.choice
    for i in range(n_each):
        first = plot.pair()
        plot.pair("exact_duplicates", prompt=first["prompt"], completion=first["completion"])
        first = plot.pair() if i % 2 else plot.pair("language_mix", prompt=writer.chinese(40))
        plot.pair("near_duplicates", prompt=edited(first["prompt"], writer), completion=first["completion"])
        if not i % 2:
            plot.planted["language_mix"].add(plot.rows[-1]["source_row"])
        first = plot.pair()
        plot.pair("held_out_overlap", held_out=True, prompt=first["prompt"], completion=first["completion"])
        first = plot.pair()
        plot.pair("held_out_likeness", held_out=True, prompt=edited(first["prompt"], writer))
        first = plot.pair("conflicting_answers")
        plot.pair("conflicting_answers", prompt=first["prompt"])
        plot.pair("empty_answers", completion=EMPTY[i % len(EMPTY)])
        plot.pair("boilerplate_answers", completion="Thank you for your message, we will be in touch soon.")
        plot.pair("refusals", completion=REFUSALS[i % len(REFUSALS)].format(writer.sentence()))
        plot.pair("broken_json", completion=json.dumps({"name": writer.sentence(3)})[:-1])
        plot.pair("edge_spaces", completion=draw((" {}", "{}\n", "{} ")).format(writer.sentence()))
        plot.pair("special_tokens", prompt=f"{writer.sentence(4)} {TOKENS[i % len(TOKENS)]} {writer.sentence(4)}")
        plot.pair("language_mix", completion=writer.chinese())
        datum = PERSONAL[i % len(PERSONAL)](writer)
        plot.pair("personal_data", prompt=f"{writer.sentence(5)} {datum} {writer.sentence(4)}")
        plot.pair("too_long", completion=" ".join(writer.sentence() for _ in range(60)))
    return plot


def flawed_labels() -> Plot:
    """Labels out of balance, spelled in two ways, and hardly ever used."""
    plot = Plot(3)
    for i in range(400):
        common = i % 10 < 7
        label = LABELS[0] if common else LABELS[1 + i % 3]
        plot.add("label_balance" if common else None, held_out=i % 5 == 0, text=plot.writer.sentence(), label=label)
    for i in range(24):
        label = ("Delivery", "DELIVERY", "DeLivery")[i % 3]
        plot.add("label_spelling", text=plot.writer.sentence(), label=label)
    for i in range(6):
        plot.add("rare_labels", text=plot.writer.sentence(), label=("complaint", "praise")[i % 2])
    return plot
