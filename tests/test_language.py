"""The language of a document, told without a network, and not told where there is too little to tell it by."""

import socket
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.language import language_of

SENTENCES = {
    "en": "Employees may carry over up to five days of unused leave until the end of March.",
    "de": "Bitte reichen Sie Ihre Reisekosten innerhalb von dreißig Tagen nach der Reise ein.",
    "fr": "Veuillez remettre vos notes de frais dans les trente jours suivant le voyage.",
    "es": "Envíe sus gastos de viaje dentro de los treinta días siguientes al viaje.",
    "it": "Si prega di inviare le spese di viaggio entro trenta giorni dal viaggio.",
    "pt": "Os funcionários podem transferir até cinco dias de férias não gozadas até o final de março.",
    "nl": "Medewerkers kunnen tot vijf dagen niet opgenomen verlof meenemen tot eind maart.",
    "sv": "Anställda får spara upp till fem dagar av outtagen semester till slutet av mars.",
    "da": "Indsend venligst dine rejseudgifter inden tredive dage efter rejsen.",
    "no": "Ansatte kan overføre inntil fem dager ubrukt ferie fram til slutten av mars.",
    "fi": "Työntekijät voivat siirtää enintään viisi pitämätöntä lomapäivää maaliskuun loppuun asti.",
    "pl": "Prosimy o złożenie rozliczenia kosztów podróży w ciągu trzydziestu dni.",
    "cs": "Zaměstnanci si mohou převést až pět dnů nevyčerpané dovolené do konce března.",
    "hu": "Kérjük, az utazási költségeit az utazást követő harminc napon belül nyújtsa be.",
    "ro": "Vă rugăm să trimiteți cheltuielile de călătorie în termen de treizeci de zile.",
    "tr": "Lütfen seyahat masraflarınızı seyahatten sonraki otuz gün içinde gönderin.",
    "ru": "Пожалуйста, сдайте отчёт о командировочных расходах в течение тридцати дней.",
    "uk": "Будь ласка, подайте витрати на відрядження протягом тридцяти днів.",
    "el": "Υποβάλετε τα έξοδα ταξιδιού σας εντός τριάντα ημερών.",
    "ar": "يجوز للموظفين ترحيل ما يصل إلى خمسة أيام من الإجازة غير المستخدمة حتى نهاية مارس.",
    "hi": "कर्मचारी मार्च के अंत तक पाँच दिन की अप्रयुक्त छुट्टी आगे ले जा सकते हैं।",
    "zh": "员工可以将最多五天未使用的假期结转到三月底。",
    "ja": "従業員は未使用の休暇を最大五日間、三月末まで繰り越すことができます。",
    "ko": "직원은 사용하지 않은 휴가를 최대 5일까지 3월 말로 이월할 수 있습니다.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_one_sentence_tells_its_language(language):
    assert language_of(SENTENCES[language]) == language


@pytest.mark.parametrize("language", SENTENCES)
def test_markup_addresses_and_code_do_not_tell_the_language(language):
    page = (
        f"# {SENTENCES[language]}\n\n[x](https://example.com/the-english-guide-to-leave)\n\n```\nfor item in the_list: print(item)\n```\n"
    )

    assert language_of(page) == language


def test_the_language_of_most_of_the_text_counts():
    assert language_of(SENTENCES["de"] * 8 + SENTENCES["en"]) == "de"
    assert language_of("x " + SENTENCES["fr"] * 5000) == "fr"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12345 67890",
        "Jane Smith Bob Jones Alice Brown",
        "asdf qwer zxcv uiop hjkl bnm",
        "| SKU | QTY |\n|---|---|\n| A1 | 3 |",
        "Hello!",
    ],
)
def test_nothing_is_said_when_unsure(text):
    assert language_of(text) == ""


def test_it_opens_no_network(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)

    assert language_of(SENTENCES["pt"]) == "pt"


@given(st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_any_text_gives_two_letters_or_none(text):
    found = language_of(text)

    assert found == "" or (len(found) == 2 and found.islower())


@pytest.mark.parametrize("text", ["`" * 500_000, "```\n" * 200_000, "a" * 1_000_000, SENTENCES["en"] * 20_000])
def test_a_huge_text_takes_no_longer_than_a_sample_of_it(text):
    start = time.process_time()
    language_of(text)

    assert time.process_time() - start < 1
