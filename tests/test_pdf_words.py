"""The letters and words of printed text, told fast where it is plain and right everywhere."""

import random
import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from builder.readers.pdf_words import count_words, share_written, solid

TEXTS = st.text(st.one_of(st.sampled_from("ab1_-*. \n\t•–’…\u00a0é²ﬁ漢\r\x0b\u2028"), st.characters()), max_size=60)


@given(TEXTS)
def test_solid_text_is_letters_and_digits(text: str):
    assert solid(text) == "".join(re.findall(r"[^\W_]+", text))


@given(TEXTS)
def test_words_are_runs_of_letters_and_digits(text: str):
    assert count_words(text) == Counter(re.findall(r"[^\W_]+", text))


@given(st.lists(TEXTS, max_size=8), st.lists(TEXTS, max_size=8), st.randoms())
def test_the_share_of_words_that_a_text_has_is_that_of_counting_them_all(shared: list[str], others: list[str], chance: random.Random):
    printed, written = [*shared, *others[::2]], [*shared, *others[1::2]]
    chance.shuffle(written)
    text = chance.choice(["\n", " ", ""]).join(written)

    words = count_words("\n".join(printed))
    assert share_written(printed, text) == 1 - (words - count_words(text)).total() / (words.total() or 1)
