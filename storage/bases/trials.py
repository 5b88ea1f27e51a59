"""The trial of a new base model: what it was asked, and the outcome in words."""

from __future__ import annotations

import math

from templates.spec import BaseFacts

GREETING = "Hello! How are you today?"
ENGLISH = (
    "The library opens at nine in the morning and closes at six. If you would like to borrow a book, bring your card "
    "to the desk on the ground floor. Children may take home up to ten books at a time, and they can keep them for "
    "three weeks. If a book comes back late, there is a small charge for each day, so please remember the date that "
    "is stamped on the last page."
)
OTHERS = {
    "de": "Die Bibliothek öffnet um neun Uhr morgens und schließt um sechs Uhr abends. Wenn Sie ein Buch ausleihen "
    "möchten, kommen Sie bitte mit Ihrer Karte zum Schalter im Erdgeschoss. Kinder dürfen bis zu zehn Bücher mit nach "
    "Hause nehmen und drei Wochen behalten.",
    "fr": "La bibliothèque ouvre à neuf heures du matin et ferme à six heures du soir. Si vous souhaitez emprunter un "
    "livre, présentez votre carte au guichet du rez-de-chaussée. Les enfants peuvent emporter jusqu'à dix livres et "
    "les garder trois semaines.",
    "es": "La biblioteca abre a las nueve de la mañana y cierra a las seis de la tarde. Si desea llevarse un libro, "
    "traiga su tarjeta al mostrador de la planta baja. Los niños pueden llevarse hasta diez libros y tenerlos tres "
    "semanas.",
    "it": "La biblioteca apre alle nove del mattino e chiude alle sei di sera. Se desidera prendere in prestito un "
    "libro, porti la sua tessera al banco del piano terra. I bambini possono portare a casa fino a dieci libri e "
    "tenerli per tre settimane.",
    "pt": "A biblioteca abre às nove horas da manhã e fecha às seis da tarde. Se quiser levar um livro emprestado, "
    "traga o seu cartão ao balcão do rés do chão. As crianças podem levar até dez livros para casa e "
    "ficar com eles três semanas.",
}
"""A paragraph in each of some other languages, tried if the model states that it knows the language."""
HARDLY = 4.5
"""Nats per token above which a model hardly knows English: small models of today have about 3."""
GUESSES = 0.95
"""Share of the loss of a blind guess from which a model counts as guessing."""
SHOWN_CHARS = 200


def sentences(facts: BaseFacts) -> list[str]:
    """What is known about the model from its trial and its origin; empty if it was not tried."""
    said = []
    if facts.made_from:
        said.append(f"Its weights were dequantized from {facts.made_from}, so they are a little less exact.")
    if facts.greeting is not None:
        answer = f"“{_shortened(facts.greeting)}”" if facts.greeting else "nothing"
        said.append(f"To “{GREETING}” it answers {answer}.")
    if facts.loss_on_english is not None:
        said.append(_loss(facts.loss_on_english, facts.vocab_size))
    if facts.other_losses:
        losses = ", ".join(f"{code} {loss:.2f}" for code, loss in facts.other_losses)
        said.append(f"On its other languages: {losses}.")
    if facts.keeps_text is False:
        said.append("Its tokenizer changes texts: reading a paragraph back gave other characters.")
    return said


def _loss(loss: float, vocab_size: int) -> str:
    measured = f"Its loss on a paragraph of English is {loss:.2f} nats per token"
    if loss >= GUESSES * math.log(vocab_size):
        return f"{measured}, no better than blind guessing: it knows no English, or has another model's tokenizer."
    return f"{measured}: it hardly knows English." if loss > HARDLY else f"{measured}."


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARS else f"{line[:SHOWN_CHARS]}…"
