"""Whether an answer abstains, learnt from the data's own abstentions and redirects, so in any language and style that they are in.

A naive Bayes classifier over words (Maron 1961) with the words of the question left out: what is asked about says nothing on
whether it is answered. How well it tells the references of the held-out pairs apart is reported beside what it finds.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

from schemas.records import Pair

OFF_TOPIC = "off_topic"  # the task whose responses redirect
_FEWEST = 3  # abstentions to learn from
_WORDS = re.compile(r"\w+")
# What a base says that never saw the data's own way to abstain.
_USUAL = re.compile(
    r"\b(?:(?:do|does|did) not (?:say|state|mention|specify|tell|know|contain)|(?:don|doesn)['’]t (?:say|state|mention|specify|tell|know)"
    r"|not (?:mentioned|stated|specified|given in|in the (?:text|passage|documents?))"
    r"|(?:cannot|can['’]t|unable to) (?:answer|help|tell|find)"
    r"|no information|weiß (?:ich )?nicht|steht nicht|nicht (?:angegeben|erwähnt)|ne (?:dit|sais|précise) pas|no (?:dice|menciona|sé))\b",
    re.IGNORECASE,
)


def should_abstain(pair: Pair) -> bool:
    """Tell whether a pair is right only when it is not answered: the documents do not say it, or it is off the topic."""
    return pair.grounding == "absent" or pair.task == OFF_TOPIC


class Refusals:
    """Tells answers that abstain from others."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
        self._number = Counter(should_abstain(pair) for pair in pairs)
        for pair in pairs:
            counts[should_abstain(pair)].update(_own_words(pair.output, pair.instruction))
        self._weights = {word: self._weight(counts[True][word], counts[False][word]) for word in counts[True] | counts[False]}

    def _weight(self, abstaining: int, answering: int) -> float:
        """Return the log odds of a word, smoothed by how often it is at all (so that a rare word is no sign of the rarer class)."""
        usual = (abstaining + answering) / self._number.total()
        rates = ((count + usual) / (self._number[kind] + 1) for count, kind in ((abstaining, True), (answering, False)))
        return math.log(next(rates)) - math.log(next(rates))

    @property
    def known(self) -> bool:
        """Whether there were enough abstentions to learn from, and other answers."""
        return self._number[True] >= _FEWEST and self._number[False] >= _FEWEST

    def abstains(self, answer: str, question: str) -> bool:
        """Tell whether an answer abstains."""
        words = _own_words(answer, question)
        if not words:
            return False
        # Equal odds before any word is read: how seldom the data abstain is not how seldom a model does.
        learnt = sum(self._weights.get(word, 0.0) for word in words) > 0
        first = answer[:200]
        return learnt or _USUAL.search(first) is not None


def _own_words(answer: str, question: str) -> set[str]:
    return set(_WORDS.findall(answer.casefold())) - set(_WORDS.findall(question.casefold()))
