"""Column names mean the same in every language, whatever their case, accents and separators."""

from __future__ import annotations

import pytest

from templates import registry
from templates.column_names import TRANSLATIONS, english, folded, stands_for


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Frage", "question"),
        ("RÉPONSE", "answer"),
        ("reponse", "answer"),
        ("respuesta", "answer"),
        ("回答", "answer"),
        ("Betreff", "subject"),
        ("Catégorie", "category"),
        ("categoria", "category"),
        ("类别", "category"),
        ("Instrucción", "instruction"),
        ("指令", "instruction"),
        ("System Prompt", "system_prompt"),
        (" Chosen-Response ", "chosen_response"),
        ("something else", "something_else"),
    ],
)
def test_a_name_in_english(name: str, expected: str) -> None:
    assert english(name) == expected


def test_no_name_means_two_things() -> None:
    meanings: dict[str, set[str]] = {}
    for meaning, names in TRANSLATIONS.items():
        for name in (meaning, *names):
            meanings.setdefault(folded(name), set()).add(meaning)
    assert {name: found for name, found in meanings.items() if len(found) > 1} == {}


@pytest.mark.parametrize("language", range(3, 4))
def test_the_common_layouts_are_translated(language: int) -> None:
    usual = {
        alias
        for key in ("prompt_completion", "classification")
        for f in registry.shape(key).fields[:2]
        for alias in f.aliases[:3]
    }
    assert all(len(TRANSLATIONS[alias]) >= language for alias in usual & TRANSLATIONS.keys())
    assert {"prompt", "instruction", "question", "answer", "text", "label", "category"} <= TRANSLATIONS.keys()


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("answer", "agentReply"),
        ("answer", "model_answer"),
        ("answer", "Kundenantwort"),
        ("answer", "客服答案"),
        ("answer", "Respuesta final"),
        ("question", "customer_question"),
        ("label", "airline_sentiment"),
        ("label", "tag_1"),
        ("bookkeeping", "annotation_id"),
        ("bookkeeping", "is_active"),
        ("bookkeeping", "Erstellt am (Datum)"),
        ("bookkeeping", "Kunde"),
        ("bookkeeping", "answer_model"),
        ("bookkeeping", "id_respuesta"),
        ("bookkeeping", "has_answer"),
        ("bookkeeping", "source_type"),
    ],
)
def test_a_word_in_a_name_tells_its_role(role: str, name: str) -> None:
    assert stands_for(role, name)


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("answer", "note"),
        ("label", "text"),
        *(("bookkeeping", name) for name in ("Kundenfrage", "identity", "is_spam", "model_answer", "email_category")),
    ],
)
def test_other_names_tell_nothing(role: str, name: str) -> None:
    assert not stands_for(role, name)
