"""Near copies out, siblings kept: what is asked twice costs room among about 1,000 pairs and teaches nothing.

Alpaca and Self-Instruct drop an instruction whose ROUGE-L F with any kept one is above 0.7, and look at nothing else
(`alpaca=True` does exactly that). On company documents that rule throws facts away: "What is the price of the Brook
200?" and "What is the price of the Reef 400?" are 0.75 alike. So by default four rules of ours stand on top of it:

- **Wordings** of one fact (same group) are wanted and never near copies of each other; only exact copies go.
- **Siblings** are kept: near-identical questions whose responses differ, and that differ in a number, a name (a
  capitalised word inside the sentence) or any word that is no mere form of the other's and not of the frame ("what
  should I do if"). With the same response both must hold a number or name of their own (or a rare word, where the
  response is too short to tell one fact from another). Questions about another `input`, or after other turns of a
  conversation, are not compared. The score `sibling` of a pair counts its kept siblings that came before it.
- **Facts** leave as a whole: if any wording repeats a fact that was kept (same question, or a near copy that is no
  sibling and has the same response), all of its wordings go, so that no fact is left with a stray wording.
- **Conflicts** are named: the same question with another response. The first fact stays, the later one goes as a
  whole and its `detail` names the twin, for a person to look at.

The first seen wins: put the better pairs first. Words are of any script (Alpaca's are ASCII only, so it sees nothing
at all in other scripts).
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from builder.rouge import WORD, alpaca_words, near_pairs, normalised, rouge_l, words
from schemas.records import Dropped, Pair, Reason

STAGE = "dedup"
RARE = 0.02  # a word in no more than this share of the facts is a term of its own
COMMON = 0.2  # a word in more than this share belongs to the frame of the questions, as "what" and "do" always do
TELLING_WORDS = 5  # a response of fewer words ("Yes.", "30 days") can be right for many facts
SAME_WORD = 0.6  # character F above which two words are forms of one: budget, budgets

_FRAME = frozenset(
    words(
        "a about an and any are as at be by can could describe did do does explain for from has have how i if in is it list may me must my "
        "name need of on one or our please say should tell that the there they this to us was we were what which will with would you your"
    )
)
_SENTENCE_END = frozenset(".?!:")


def dedup(pairs: Iterable[Pair], *, threshold: float, alpaca: bool = False) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, kept or dropped as a copy of one before it.

    Args:
        pairs: better ones first.
        threshold: a question whose ROUGE-L F with a kept one is above this is a near copy.
        alpaca: decide as Alpaca does, bit for bit: instructions only, ASCII words, no siblings, no groups.
    """
    listed = list(pairs)
    verdicts = _alpaca_verdicts(listed, threshold) if alpaca else _Facts(listed, threshold).verdicts()
    for index, pair in enumerate(listed):
        verdict = verdicts.get(index)
        if isinstance(verdict, Verdict):
            yield Dropped.of(pair, STAGE, verdict.reason, verdict.detail)
        else:
            yield pair.model_copy(update={"scores": pair.scores | {"sibling": float(verdict)}}) if verdict else pair


@dataclass(frozen=True)
class Verdict:
    """Why a pair goes; `whole` takes all wordings of its fact along."""

    reason: Reason
    detail: str
    twin: str
    whole: bool = True


@dataclass(frozen=True, eq=False)
class _Question:
    """A pair as the rules see it."""

    pair: Pair

    @cached_property
    def key(self) -> tuple[str, str]:
        return normalised(self.pair.instruction), self.subject

    @cached_property
    def subject(self) -> str:
        """What the question is about, beside its words: its input, after the turns before it."""
        return "\n".join(map(normalised, (*(turn.content for turn in self.pair.history), self.pair.input)))

    @cached_property
    def words(self) -> tuple[str, ...]:
        return tuple(words(self.pair.instruction))

    @cached_property
    def response(self) -> str:
        return normalised(self.pair.output)

    @cached_property
    def marked(self) -> frozenset[str]:
        return frozenset(_marked(self.pair.instruction))


@dataclass
class _Facts:
    """One pass over the facts in the order of their first wordings."""

    pairs: Sequence[Pair]
    threshold: float
    asked: dict[tuple[str, str], _Question] = field(default_factory=dict)
    """Kept questions by what they ask, exactly."""
    kept: dict[tuple[str, ...], list[_Question]] = field(default_factory=dict)
    """Kept questions by subject and words."""

    def verdicts(self) -> dict[int, Verdict | int]:
        """Return by index why a pair goes, or how many kept siblings it has."""
        questions = [_Question(pair) for pair in self.pairs]
        self.near = _near_questions(questions, self.threshold)
        groups: dict[str, list[int]] = {}
        for index, pair in enumerate(self.pairs):
            groups.setdefault(pair.group, []).append(index)
        self.facts = len(groups)
        self.used = Counter(word for members in groups.values() for word in {word for index in members for word in questions[index].words})
        verdicts: dict[int, Verdict | int] = {}
        for members in groups.values():
            verdicts |= self._fact([(index, questions[index]) for index in members])
        return verdicts

    def _fact(self, wordings: Sequence[tuple[int, _Question]]) -> dict[int, Verdict | int]:
        verdicts = {index: self._against_others(question) for index, question in wordings}
        repeats = [verdict for verdict in verdicts.values() if isinstance(verdict, Verdict) and verdict.whole]
        if repeats:
            along = Verdict(repeats[0].reason, f"another wording of its fact is that of {repeats[0].twin}", repeats[0].twin)
            return {index: verdict if isinstance(verdict, Verdict) else along for index, verdict in verdicts.items()}
        for index, question in wordings:
            if not isinstance(verdicts[index], Verdict):
                verdicts[index] = self._keep(question) or verdicts[index]
        return verdicts

    def _keep(self, question: _Question) -> Verdict | None:
        """Keep the question, unless an earlier wording of its own fact is the same."""
        if twin := self.asked.get(question.key):
            return _same_question(question, twin)
        self.asked[question.key] = question
        self.kept.setdefault((question.subject, *question.words), []).append(question)
        return None

    def _against_others(self, question: _Question) -> Verdict | int:
        """Return what the kept facts make of the question: it goes, or has so many siblings."""
        if twin := self.asked.get(question.key):
            return _same_question(question, twin)
        siblings, nearest = 0, None
        for text in self.near.get((question.subject, *question.words), ()):
            for twin in self.kept.get(text, ()):
                if self._siblings(question, twin):
                    siblings += 1
                elif question.response == twin.response:
                    return _near_copy(question, twin, whole=True)
                else:
                    nearest = nearest or twin
        return _near_copy(question, nearest, whole=False) if nearest else siblings

    def _siblings(self, one: _Question, other: _Question) -> bool:
        """Whether two near-identical questions ask about different things."""
        same = one.response == other.response
        telling = same and len(one.response.split()) >= TELLING_WORDS
        most = self.facts * (0 if telling else RARE if same else COMMON)
        left, right = Counter(one.words), Counter(other.words)
        left, right = left - right, right - left
        mine = any(self._distinguishes(word, one, right, most) for word in left)
        theirs = any(self._distinguishes(word, other, left, most) for word in right)
        return (mine and theirs) if same else (mine or theirs)

    def _distinguishes(self, word: str, question: _Question, opposite: Counter[str], most: float) -> bool:
        """Whether `word` names another thing than the `opposite` words: marked, or in `most` facts or fewer (2 if any)."""
        if word in question.marked:
            return True
        rare = most > 0 and word not in _FRAME and self.used[word] <= max(most, 2)
        return rare and all(rouge_l(word, other) <= SAME_WORD for other in opposite)


def _near_questions(questions: Sequence[_Question], threshold: float) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Return for each text (subject and words) the near texts, itself first; only questions about one subject are compared."""
    subjects: dict[str, dict[tuple[str, ...], None]] = {}
    for question in questions:
        subjects.setdefault(question.subject, {})[question.words] = None
    near: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for subject, asked in subjects.items():
        texts = [(subject, *text) for text in asked]
        near |= {text: [text] for text in texts if len(text) > 1 and threshold < 1}
        for left, right in near_pairs(list(asked), threshold).tolist() if len(texts) > 1 else ():
            near[texts[left]].append(texts[right])
            near[texts[right]].append(texts[left])
    return near


def _marked(instruction: str) -> Iterator[str]:
    """Yield the words that name a thing: with a digit, all capitals, or capitalised inside a sentence."""
    text = unicodedata.normalize("NFKC", instruction)
    for match in WORD.finditer(text):
        word = match.group()
        before = text[: match.start()].rstrip(" \"'“‘«([*_")
        inside = bool(before) and before[-1] not in _SENTENCE_END
        if any(map(str.isdigit, word)) or (len(word) > 1 and (word.isupper() or (inside and word[0].isupper()))):
            yield word.casefold()


def _same_question(question: _Question, twin: _Question) -> Verdict:
    if question.response == twin.response:
        return Verdict(Reason.DUPLICATE, f"same question and response as {twin.pair.id}", twin.pair.id)
    return Verdict(Reason.CONFLICT, f"same question as {twin.pair.id}, which responds otherwise", twin.pair.id)


def _near_copy(question: _Question, twin: _Question, *, whole: bool) -> Verdict:
    score = rouge_l(question.words, twin.words)
    what = "with the same response" if whole else "and only its frame apart"
    return Verdict(Reason.NEAR_DUPLICATE, f"ROUGE-L {score:.2f} with {twin.pair.id} {what}", twin.pair.id, whole)


def _alpaca_verdicts(pairs: Sequence[Pair], threshold: float) -> dict[int, Verdict | int]:
    """Decide as `generate_instruction.py` of Alpaca: in order, against every instruction kept so far."""
    numbers: dict[tuple[str, ...], int] = {}
    texts = [numbers.setdefault(tuple(alpaca_words(pair.instruction)), len(numbers)) for pair in pairs]
    distinct = list(numbers)
    near: dict[int, list[int]] = {number: [number] for number, text in enumerate(distinct) if text and threshold < 1}
    for earlier, later in near_pairs(distinct, threshold).tolist():
        near[later].append(earlier)
    kept: dict[int, Pair] = {}
    verdicts: dict[int, Verdict | int] = {}
    for index, number in enumerate(texts):
        twin = next((other for other in near.get(number, ()) if other in kept), None)
        if twin is None:
            kept.setdefault(number, pairs[index])
        else:
            score = rouge_l(distinct[number], distinct[twin])
            verdicts[index] = Verdict(Reason.NEAR_DUPLICATE, f"ROUGE-L {score:.2f} with {kept[twin].id}", kept[twin].id)
    return verdicts
