"""Values of sentences: numbers with their units, dates, times and amounts of money, in English and in German."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.findings.values import amount, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("within two weeks", [("day", 14)]),
        ("after thirty (30) calendar days", [("day", 30)]),
        ("$1,500.50 and 1.500,50 EUR", [("usd", 1500.5), ("eur", 1500.5)]),
        ("17 euros per sensor", [("eur/sensor", 17)]),
        ("from 9 am to 17:30", [("time", 540), ("time", 1050)]),
        ("by 31 March 2024 or 2025-06-30", [("date", 331), ("date", 630)]),
        ("12 characters in section 4", [("count charact", 12)]),
        ("the Delta 700", []),
        ("every six months or yearly", [("every month", 6), ("every month", 12)]),
        ("3 to 5 business days", [("day", 5)]),
        ("two days per week", [("day/week", 2)]),
        ("from the third day, on day four", [("nth day", 3), ("nth day", 4)]),
        ("tested twice", [("count times", 2)]),
        ("reviewed quarterly", [("every month", 3)]),
        ("nach FÜNF Tagen", [("day", 5)]),
        ("a monthly fee of 40 euros", [("eur/month", 40)]),
        ("40 euros, paid once a year", [("eur", 40)]),
        ("version 1.8.0 and v2.0 of CVE-2023-22490 in 2024", []),
        ("one of them", []),
    ],
)
def test_values_are_read_with_their_units(text: str, expected: list[tuple[str, float]]):
    assert values(text)[0] == expected


@given(st.integers(0, 999_999_999))
def test_english_and_german_grouping_are_the_same_amount(number: int):
    english = f"{number:,}"

    assert amount(english) == amount(english.replace(",", ".")) == amount(str(number)) == number
    assert amount(f"{english}.50") == amount(english.replace(",", ".") + ",50") == number + 0.5


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5", 5.0),
        ("1,500.00", 1500.0),
        ("1.500,00", 1500.0),
        ("12,5", 12.5),
        ("1 500", 1500.0),
        ("804.006 671.330 636.903", 804006671330636903.0),
    ],
)
def test_a_number_is_read_however_it_is_grouped(written: str, meant: float):
    assert amount(written) == meant


@given(st.from_regex(r"\d{1,3}([ ,.]\d{3})*([.,]\d{1,2})?", fullmatch=True))
def test_no_way_to_write_a_number_ends_the_run(written: str):
    assert amount(written) >= 0.0
