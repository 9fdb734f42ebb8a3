"""The letters and words of printed text, told fast where it is plain and right everywhere."""

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from builder.readers.pdf_lines import count_words, solid

TEXTS = st.text(st.one_of(st.sampled_from("ab1_-*. \n\t•–’…\u00a0é²ﬁ漢\r\x0b\u2028"), st.characters()), max_size=60)


@given(TEXTS)
def test_solid_text_is_letters_and_digits(text: str):
    assert solid(text) == "".join(re.findall(r"[^\W_]+", text))


@given(TEXTS)
def test_words_are_runs_of_letters_and_digits(text: str):
    assert count_words(text) == Counter(re.findall(r"[^\W_]+", text))
