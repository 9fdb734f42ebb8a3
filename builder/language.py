"""The language of a text, told offline: by a model that comes inside its package and opens no network.

py3langid (BSD, 5 MB, 0.1 ms a sentence) was chosen by measurement on sentences in 32 languages, all of which it told; the
alternatives were as good only with 20 times the size or 200 times the memory, or fetch their model at run time.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from schemas.shown import cleaned

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_FEWEST_LETTERS = 20
_SURE = 0.4  # the probability below which nothing is said
_SAMPLE = 4000  # characters from the beginning, the middle and the end
_CODE = re.compile(r"^[ \t>]*(`{3,}|~{3,}).*?(?:^[ \t>]*\1[^\n]*$|\Z)|(?<!`)(`++)[^`\n]++\2", re.MULTILINE | re.DOTALL)
_NO_LETTERS = re.compile(r"\S*[@/\\<>=_]\S*|[\d!-/:-@\[-`{-~]+")  # also addresses and names of files, which are in no language
_SAME = {"nb": "no", "nn": "no"}  # written Norwegian is one language to those who ask


def language_of(text: str) -> str:
    """Return the ISO 639-1 code of the language that most of the text is in, or an empty string when unsure."""
    words = _NO_LETTERS.sub(" ", _CODE.sub(" ", cleaned(_sample(text)))).strip()
    if sum(_weight(character) for character in words) < _FEWEST_LETTERS:
        return ""
    language, sure = _identifier().classify(words)
    return _SAME.get(language, language) if sure >= _SURE else ""


def _weight(character: str) -> int:
    """A sign of a script that writes words or syllables says as much as several letters."""
    return 4 if "\u3040" <= character <= "\ud7af" else character.isalpha()


def _sample(text: str) -> str:
    if len(text) <= 3 * _SAMPLE:
        return text
    middle = (len(text) - _SAMPLE) // 2
    return "\n".join((text[:_SAMPLE], text[middle : middle + _SAMPLE], text[-_SAMPLE:]))


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([label for label in identifier.labels if len(label) == 2])
    return identifier
