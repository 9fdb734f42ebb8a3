"""Pairs that are no use whatever else there is: each is looked at by itself, and leaves with a reason and the words that gave it away.

Needs no documents and no model, so anybody's pairs can be screened; each filter can be switched off or set in the recipe. The filters
stand in the order of what they cost. Figures for 3,000 real pairs are in `tests/bench_ground.py`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from builder.curation.filters_sense import refusal, sensitive, unseen_text
from builder.curation.filters_text import breaks_off, copies, repetition
from builder.language import language_of
from builder.review.accepted import is_accepted
from builder.rouge import words
from generators.alpaca.blocklist import blocked
from schemas.curation_filters import ScreenSection
from schemas.findings import FindingsSection
from schemas.records import Dropped, Pair, Reason

STAGE = "screen"
Problem = tuple[Reason, str]
_TELLING, _SAMPLE = 60, 300  # characters that tell a language, and that are enough for it
_END = 30  # characters by which the end of a quote is known
_COMMON = {  # words that only one of these languages has
    "en": frozenset(("the", "and", "of", "with", "you", "your", "should", "this", "that", "are")),
    "de": frozenset(("und", "der", "das", "ist", "nicht", "werden", "eine", "auf", "für", "sich")),
    "fr": frozenset(("les", "est", "une", "dans", "vous", "et", "qui", "avec", "être", "votre")),
    "es": frozenset(("los", "las", "por", "con", "para", "y", "como", "puede", "usted", "esta")),
}
_FEWEST_COMMON = 2
_FIRST = 500  # pairs whose languages are counted for the majority


@dataclass(frozen=True)
class _Seen:
    """A pair with what several filters look at."""

    pair: Pair
    asked: list[str]
    said: list[str]


@dataclass(frozen=True)
class _Rules:
    settings: ScreenSection
    policy: FindingsSection
    languages: frozenset[str]  # none: any

    def problem(self, pair: Pair) -> Problem | None:
        """Return the first thing that is wrong with a pair."""
        seen = _Seen(pair, words(pair.instruction), words(pair.output))
        checks = (_sensitive,) if is_accepted(pair) else _CHECKS
        return next((found for check in checks if (found := check(self, seen))), None)


def screen(pairs: Iterable[Pair], *, settings: ScreenSection, policy: FindingsSection | None = None) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, kept or dropped for the first thing that is wrong with it.

    Args:
        pairs: anybody's; read one at a time, but for the first 500 where the language is that of the majority.
        settings: which filters are on, and their thresholds.
        policy: what may not be in a pair; the default allows all but secrets.
    """
    rest = iter(pairs)
    first = list(islice(rest, _FIRST)) if settings.language == "majority" else []
    rules = _Rules(settings, policy or FindingsSection(), _languages(settings.language, first))
    for pair in chain(first, rest):
        found = rules.problem(pair)
        yield Dropped.of(pair, STAGE, *found) if found else pair


def _languages(setting: str, first: Iterable[Pair]) -> frozenset[str]:
    """The languages that pairs may have; none if they may have any."""
    if setting == "any":
        return frozenset()
    if setting != "majority":
        return frozenset(setting.split(","))
    found = Counter(language for pair in first if (language := _plainly(words(pair.output)) or _language(pair)))
    return frozenset(language for language, _ in sorted(found.items(), key=lambda one: (-one[1], one[0]))[:1])


def _language(pair: Pair) -> str:
    """The language of a response, or of question and response where that is too short to tell."""
    if len(pair.output) >= _TELLING:
        return language_of(pair.output[:_SAMPLE])
    both = f"{pair.instruction}\n{pair.output}"
    return language_of(both[:_SAMPLE]) if len(both) >= _TELLING else ""


def _length(rules: _Rules, seen: _Seen) -> Problem | None:
    limits: ScreenSection = rules.settings
    for name, count, least, most in (
        ("question", len(seen.asked), limits.min_instruction_words, limits.max_instruction_words),
        ("response", len(seen.said), limits.min_output_words, limits.max_output_words),
    ):
        if count < least:
            return Reason.TOO_SHORT, f"the {name} has {count} words, fewer than {least}"
        if most and count > most:
            return Reason.TOO_LONG, f"the {name} has {count} words, more than {most}"
    return None


def _blocklist(rules: _Rules, seen: _Seen) -> Problem | None:
    problem = blocked(seen.pair.instruction) if rules.settings.blocklist else ""
    return (Reason.BLOCKLISTED, problem) if problem else None


def _copied(rules: _Rules, seen: _Seen) -> Problem | None:
    problem = copies(seen.pair.output, seen.pair.instruction, rules.settings.copied)
    return (Reason.COPIED_INSTRUCTION, problem) if problem else None


def _cut_off(rules: _Rules, seen: _Seen) -> Problem | None:
    problem = breaks_off(seen.pair.output) if rules.settings.cut_off else ""
    end = seen.pair.output.rstrip()[-_END:]
    is_quoted = problem and any(evidence.quote.rstrip().endswith(end) for evidence in seen.pair.evidence)  # the source ends there too
    return (Reason.CUT_OFF, problem) if problem and not is_quoted else None


def _refusal(rules: _Rules, seen: _Seen) -> Problem | None:
    problem = refusal(seen.pair) if rules.settings.refusals else ""
    return (Reason.REFUSAL, problem) if problem else None


def _unseen(rules: _Rules, seen: _Seen) -> Problem | None:
    problem = unseen_text(seen.pair) if rules.settings.refers_to_text else ""
    return (Reason.REFERS_TO_TEXT, problem) if problem else None


def _repetition(rules: _Rules, seen: _Seen) -> Problem | None:
    limits: ScreenSection = rules.settings
    problem = repetition(seen.pair.output, seen.said, repeated=limits.repeated, compressed=limits.compressed)
    return (Reason.REPETITIVE, problem) if problem and (limits.repeated or limits.compressed) else None


def _sensitive(rules: _Rules, seen: _Seen) -> Problem | None:
    found = sensitive(seen.pair, rules.policy) if rules.settings.sensitive else None
    return (Reason.SECRET if found[0] == "secret" else Reason.PERSONAL_DATA, found[1]) if found else None


def _other_language(rules: _Rules, seen: _Seen) -> Problem | None:
    if not rules.languages or _plainly(seen.said) in rules.languages:
        return None
    language = _language(seen.pair)
    wanted = " or ".join(sorted(rules.languages))
    return (Reason.OTHER_LANGUAGE, f"it is in {language}, not in {wanted}") if language and language not in rules.languages else None


def _plainly(said: Sequence[str]) -> str:
    """The language of which a response has two of the commonest words and none of another's: most need no model."""
    seen = frozenset(said)
    found = {language: count for language, common in _COMMON.items() if (count := len(seen & common))}
    return next(iter(found)) if len(found) == 1 and max(found.values()) >= _FEWEST_COMMON else ""


_CHECKS: tuple[Callable[[_Rules, _Seen], Problem | None], ...] = (
    _length,
    _blocklist,
    _copied,
    _cut_off,
    _refusal,
    _unseen,
    _repetition,
    _sensitive,
    _other_language,
)
