"""What two near questions are to each other: the same, siblings about two things, or a conflict.

One table decides at every level of deduplication. Its rows are the *own words* of the two questions, those that each has and
the other lacks; its columns are their answers: the same (equal, one inside of the other, or long and nearly equal), equal but
for the own words ("You return it by mail", "You bring it back by mail"), or different.

| own words                               | the same answer          | equal but for them      | different answers     |
|-----------------------------------------|--------------------------|-------------------------|-----------------------|
| both hold a number or name              | sibling                  | sibling                 | sibling               |
| both hold other words, known as rivals  | sibling                  | sibling                 | sibling               |
| both hold other words, rare ones        | sibling if it is short   | sibling                 | sibling               |
| both hold other words                   | same                     | same                    | sibling               |
| one holds a name, or a word that not    | same                     | -                       | sibling               |
| every fifth fact uses                   |                          |                         |                       |
| none but words of the frame             | same                     | -                       | conflict or otherwise |

Words of the frame are those with which anything is asked ("what is the"), and forms of a word of the other question. Whether
"kettle" and "toaster" are two things or two words for one, neither their spelling nor how often they occur can tell. The other
pairs can, by the commutation test of linguistics (Hjelmslev 1943): where one stands for the other in otherwise equal questions,
the answers stay what they are if they mean the same, and change if they do not. Words whose exchange changes answers are
*rivals*.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import cached_property
from itertools import product

from builder.curation.asked import ALIKE, FRAME, LONG, Question, alike, dice, disagree, one_word, told

RARE = 0.02  # a word in no more than this share of the facts is a term of its own
COMMON = 0.2  # a word in more than this share tells nothing if only one of two questions holds it
TELLING_WORDS = 5  # a response of fewer words ("Yes.", "30 days") can be right for many facts
CHANGED = 0.5  # Dice of what two answers add to their questions, up to which the exchange of a word has changed it
OUTWEIGH = 3  # unchanged answers for each changed one, above which two words mean the same after all
MOST = 2000  # questions with a word that are looked at: of more, the first ones tell enough


class Relation(Enum):
    """What two questions are to each other."""

    SAME = "asks and says the same"
    OTHERWISE = "asks the same and is answered in another way"
    CONFLICT = "asks the same, and the answers contradict each other"
    SIBLING = "asks about something else"


_Side = tuple[Question, frozenset[str]]
"""A question and its own words."""


class Relations:
    """Tells what two questions are to each other, by what all questions say: O(words) to make.

    `__call__` is O(words of the two), and O(`MOST`) the first time that two sets of words are compared as rivals.
    """

    def __init__(self, facts: Sequence[Sequence[Question]]) -> None:
        """Count the words of every fact once, whatever its wordings."""
        self._facts = facts
        self._used = Counter(word for wordings in facts for word in {word for wording in wordings for word in wording.words})
        self._rivals: dict[frozenset[frozenset[str]], bool] = {}

    def __call__(self, one: Question, other: Question, *, rare: bool = True) -> Relation:
        """Return what two questions are to each other; the order of the two does not matter.

        Args:
            one: a question.
            other: another one.
            rare: plain words of their own tell questions apart whose answers do not contradict each other, not only names and
                rivals; False for questions that are known to mean the same.
        """
        left, right = own_words(one, other)
        named = (not one.marked.isdisjoint(left)) + (not other.marked.isdisjoint(right))
        same = named < 2 and alike(one, other)
        if named and not same:
            return Relation.SIBLING
        mine, theirs = _plain(left, right), _plain(right, left)
        if mine and theirs:
            return self._of_two((one, mine), (other, theirs), same=same, rare=rare)
        if same:
            return Relation.SAME
        if rare and self._is_used_by(mine | theirs, COMMON):
            return Relation.SIBLING
        return Relation.CONFLICT if disagree(one, other) else Relation.OTHERWISE

    def _of_two(self, one: _Side, other: _Side, *, same: bool, rare: bool) -> Relation:
        """Decide about questions that both hold words of their own."""
        (asked, mine), (again, theirs) = one, other
        is_other = not same and ((rare and not _equal_but_for(one, other)) or disagree(asked, again))
        is_telling = same and len(asked.response.split()) >= TELLING_WORDS
        are_terms = rare and not is_telling and self._is_used_by(mine, RARE) and self._is_used_by(theirs, RARE)
        return Relation.SIBLING if is_other or are_terms or self._are_rivals(mine, theirs) else Relation.SAME

    def _is_used_by(self, words: Iterable[str], share: float) -> bool:
        """Whether one of the words is in no larger share of the facts than this, or in two facts."""
        most = max(share * len(self._facts), 2)
        return any(self._used[word] <= most for word in words)

    def _are_rivals(self, one: frozenset[str], other: frozenset[str]) -> bool:
        """Whether exchanging the words has changed the answer of some questions, of about one in four or more."""
        key = frozenset((one, other))
        if key not in self._rivals:
            changed, unchanged = self._exchanged(one, other)
            self._rivals[key] = OUTWEIGH * changed >= max(unchanged, 1)
        return self._rivals[key]

    def _exchanged(self, one: frozenset[str], other: frozenset[str]) -> tuple[int, int]:
        """Return how many questions are answered otherwise with the words of one than with those of the other, and how many alike."""
        asked, again = self._without(one, other), self._without(other, one)
        both = [product(asked[key], again[key]) for key in asked.keys() & again.keys()]
        changed = sum(all(_is_changed(self._listed[left], self._listed[right]) for left, right in pairs) for pairs in both)
        return changed, len(both) - changed

    def _without(self, own: frozenset[str], opposite: frozenset[str]) -> dict[tuple[frozenset[str], str], list[int]]:
        """Return the questions that hold the own words and none of the opposite ones, by their other words and what they are about."""
        found: dict[tuple[frozenset[str], str], list[int]] = defaultdict(list)
        for place in self._holding(own):
            if self._contents[place].isdisjoint(opposite):
                found[self._contents[place] - own, self._listed[place].subject].append(place)
        return found

    def _holding(self, words: frozenset[str]) -> list[int]:
        """Return the first questions that hold all of the words."""
        rarest, *others = sorted(words, key=lambda word: (self._used[word], word))
        return [place for place in self._places[rarest][:MOST] if self._contents[place].issuperset(others)]

    @cached_property
    def _listed(self) -> list[Question]:
        return [wording for wordings in self._facts for wording in wordings]

    @cached_property
    def _contents(self) -> list[frozenset[str]]:
        """The words of each question that are not of the frame."""
        return [frozenset(question.words) - FRAME for question in self._listed]

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """The questions that hold a word."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, content in enumerate(self._contents):
            for word in content:
                places[word].append(place)
        return places


def own_words(one: Question, other: Question) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words that each of two questions has more often than the other."""
    left, right = one.features - other.features, other.features - one.features
    return _words_of(left, one.repeated), _words_of(right, other.repeated)


def _words_of(features: frozenset[str], repeated: frozenset[str]) -> frozenset[str]:
    """Return features as words; most are words."""
    again = features & repeated
    return (features - again) | {feature.partition(" ")[0] for feature in again} if again else features


def _plain(words: frozenset[str], opposite: frozenset[str]) -> frozenset[str]:
    """Return the words that are neither of the frame nor forms of an opposite one, with which they would share the first letter."""
    letters = {word[0] for word in opposite}
    return frozenset(word for word in words - FRAME if word[0] not in letters or not any(one_word(word, other) for other in opposite))


def _equal_but_for(one: _Side, other: _Side) -> bool:
    """Whether two answers say the same but for the own words of their questions: in the same words, or long ones in mostly the same."""
    left, right = _beside(*one), _beside(*other)
    return Counter(left) == Counter(right) or (min(len(left), len(right)) >= LONG and dice(left, right) > ALIKE)


def _is_changed(one: Question, other: Question) -> bool:
    """Whether two answers say different things, beside the words of their questions."""
    left, right = (_beside(question, frozenset(question.words)) for question in (one, other))
    return disagree(one, other) or bool(left and right and dice(left, right) <= CHANGED)


def _beside(question: Question, own: AbstractSet[str]) -> list[str]:
    """Return the words of an answer but for those of the frame, and the own ones of its question in whatever form."""
    by_letter: defaultdict[str, list[str]] = defaultdict(list)  # forms of a word share the first one
    for word in own:
        by_letter[word[0]].append(word)
    left_out = FRAME | own
    return [
        word
        for word in told(question.pair.output)
        if word not in left_out and not (word[0] in by_letter and any(one_word(word, mine) for mine in by_letter[word[0]]))
    ]
