"""Other languages than English: structure only, in the document's own language, nothing where there are no forms."""

import re
from pathlib import Path

import pytest
import yaml

import generators.extractive
from generators.extractive.forms import forms
from generators.extractive.generate import generate
from generators.extractive.other_languages import languages
from schemas.records import Draft, Dropped
from tests.test_extractive_families import source

GERMAN = """# Handbuch

## Urlaub

Vollzeitkräfte haben 28 Tage Urlaub im Jahr. Bis zu 5 Tage dürfen in das nächste Jahr mitgenommen werden, wenn die Leitung zustimmt.

## Wie melde ich mich krank?

Rufen Sie bis 9 Uhr in der Personalabteilung an und schicken Sie die Bescheinigung am dritten Tag an krank@firma.example.

## Schlüssel bestellen

1. Füllen Sie das Formular aus.
2. Lassen Sie es von der Leitung unterschreiben.
3. Geben Sie es am Empfang ab, wo der Schlüssel nach drei Tagen bereitliegt.

## Räume

| Raum | Plätze | Stockwerk |
|---|---|---|
| Aula | 120 | 1 |
| Labor | 12 | 3 |
"""
SHIPPED = ("de", "es", "fr", "ru")


def made(text: str, language: str) -> list:
    return list(generate([source(text, title="Handbuch", language=language)], company="Firma", wordings=5, seed=0))


def asked(text: str = GERMAN, language: str = "de") -> dict[str, str]:
    return {draft.instruction: draft.output for draft in made(text, language) if isinstance(draft, Draft)}


def test_structure_is_asked_in_the_language_of_the_document():
    questions = asked()

    assert questions["Wie melde ich mich krank?"].startswith("Rufen Sie bis 9 Uhr")
    assert any("„Urlaub“" in question and answer.startswith("Vollzeitkräfte haben 28 Tage") for question, answer in questions.items())
    assert any("„Schlüssel bestellen“" in question and answer.startswith("1. Füllen") for question, answer in questions.items())
    assert {answer for question, answer in questions.items() if "Labor" in question and "Plätze" in question} == {"12"}


def test_no_english_word_is_put_into_a_german_question():
    english = re.compile(r"\b(?:what|how|the|do|does|is|are|tell|can|I)\b")

    assert not [question for question in asked() if english.search(question)]


def test_evidence_resolves():
    for draft in made(GERMAN, "de"):
        if isinstance(draft, Draft):
            assert all(GERMAN[start:end] == quote for (start, end), quote in zip(draft.spans, draft.quotes, strict=True))


@pytest.mark.parametrize("language", SHIPPED)
def test_every_shipped_language_asks_about_the_same_structure(language):
    questions = asked(language=language)

    assert {"12", "120"} <= set(questions.values())
    assert any(answer.startswith("Vollzeitkräfte") for answer in questions.values())


def test_the_files_of_all_languages_hold_the_same_families():
    folder = Path(generators.extractive.__file__).parent / "forms"
    held = {
        language: {family for file in (folder / language).glob("*.yaml") for family in yaml.safe_load(file.read_text(encoding="utf-8"))}
        for language in SHIPPED
    }

    assert set(SHIPPED) < languages()
    assert len({frozenset(families) for families in held.values()}) == 1
    slots = {language: {form.name: form.slots for family in held[language] for form in forms(family, language)} for language in SHIPPED}
    assert all(
        len({slot for name in named for slot in named[name]} - {"q", "x", "k", "col", "ac", "long", "keys", "options", "title"}) == 0
        for named in slots.values()
    )


def test_a_language_without_forms_is_said():
    results = made(GERMAN, "fi")

    assert all(isinstance(result, Dropped) for result in results)
    assert "no question forms for its language (fi), only for de, en, es, fr, ru" in results[0].detail


def test_a_region_of_a_language_is_that_language():
    assert asked(language="de-AT") == asked()
