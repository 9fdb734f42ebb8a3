"""What a question asks to be done: its root verb and the noun that the verb is about, without a parser.

Self-Instruct (Wang et al. 2022, figure 3) shows the spread of a set by the 20 most frequent root verbs and the four most
frequent direct objects of each, found by a neural parser. Instructions are short and begin in few ways, so closed word lists
and `lemminflect` find the same for most English ones: a request ("Write a poem"), a request with a lead ("Could you please",
"Given a table,"), a question with an auxiliary ("How do I book a room?"), a question about a subject ("Who approves trips?").
O(words) for each question. Other languages and questions without a verb of their own ("What is ...") have none, as there.
"""

import re
from functools import cache

from builder.rouge import words as words_of
from generators.extractive.english import ADVERBS, BE, DETERMINERS, MODALS, PREPOSITIONS, known_verb, lemma, possible_verb, tokens
from generators.extractive.words import words as listed

WH = frozenset(["what", "which", "who", "whom", "whose", "when", "where", "why", "how"])
MOST_SENTENCES, LONGEST = 3, 2000  # that are looked at, and characters of a question

_LEAD = re.compile(
    r"""^(?:(?:please|kindly|now|then|next|also|ok|okay|hi|hello|hey|first|finally|so|and)\b[\s,!:]*
      | (?:can|could|would|will)\ you\b(?:\ (?:please|kindly))?\s*
      | i(?:'d|\ would)?\ (?:want|need|like)\ you\ to\s+ | i(?:'d|\ would)\ like\ to\s+
      | you\ (?:are\ (?:asked|required|given\ the\ task)\ to|need\ to|have\ to|must|should|will|are\ to)\s+
      | (?:your|the)\ (?:task|job|goal|objective)\ (?:here\ )?is\ to\s+
      | (?:help|assist)\ me\ (?:to\ |in\ |with\ )?\s* | let(?:'s|\ us)\s+ | try\ to\s+ | in\ order\ to\b[^,]*,\s* )+""",
    re.IGNORECASE | re.VERBOSE,
)
_CLAUSE = re.compile(
    r"^(?:given|for|in|on|at|from|with|using|based|considering|assuming|as|if|when|while|after|before|to|under|according|suppose|imagine)\b[^.?!]*?,\s*(?=\w)",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<=[.?!:])\s+|\n+")
_DO = frozenset(["do", "does", "did", "have", "has", "had", "need", "ought"])
_HELPERS = MODALS | BE | _DO
_PRONOUNS = frozenset(words_of("i we you he she they it someone somebody anyone anybody there"))
_GIVEN_TO = frozenset(["me", "us", "him", "her", "them", "you", "someone", "people"])
_MEANT = frozenset(["it", "this", "that", "these", "those", "them", "something", "anything", "everything"])
_PARTICLES = frozenset(["up", "out", "off", "over", "down", "away", "back", "in", "on"])
_NUMBERS = frozenset(
    words_of("one two three four five six seven eight nine ten twelve twenty some any all both each every several many few more")
)
_NO_NOUNS = DETERMINERS | _NUMBERS | ADVERBS
_ENDS = frozenset(  # of a noun phrase
    words_of(
        "that which who whom whose what when where why how if whether because so and or but as than to about into from with without for of "
        "by via through while not"
    )
)
_ENDS_AFTER_NOUN = frozenset(
    ["using", "containing", "including", "given", "based", "following", "regarding", "describing", "according", "this", "these", "those"]
)  # the section this passage comes from; give this passage a title
_SEMI = frozenset(["need", "have", "want", "able", "allowed", "supposed", "going", "required", "like", "try", "ought"])


def verb_and_noun(question: str) -> tuple[str, str] | None:
    """Return the root verb and its noun, both as base forms; the noun is empty where there is none; None without a verb."""
    alone: tuple[str, str] | None = None
    for sentence in _SENTENCES.split(question.strip()[:LONGEST])[:MOST_SENTENCES]:
        found = _in_sentence(_bare(sentence))
        if found and found[1]:
            return found
        alone = alone or found
    return alone


def asked(question: str) -> str:
    """Return how a question is asked: its question word, "yes or no" after an auxiliary, else "told"."""
    first = (words_of(_LEAD.sub("", question.strip())[:200]) or [""])[0]
    return first if first in WH else "yes or no" if first in _HELPERS and "?" in question else "told"


def _bare(sentence: str) -> list[str]:
    """Return the words and marks of a sentence, in lower case, without what leads up to its request."""
    text = _LEAD.sub("", sentence.strip(" \"'“”*-#>"))
    text = _LEAD.sub("", _CLAUSE.sub("", text))
    return [word.lower() for word, _, _ in tokens(text)[:60]]


def _in_sentence(said: list[str]) -> tuple[str, str] | None:
    if not said:
        return None
    if said[0] in WH:
        return _question(said)
    if said[0] in _HELPERS and len(said) > 2 and (said[0] not in _SEMI or said[1] in _PRONOUNS | DETERMINERS):
        return _after_helper(said, 0, "")
    place = next((place for place, word in enumerate(said[:3]) if word not in ADVERBS and not word.endswith("ly")), 0)
    rest = said[place + 1 :]
    return (lemma(said[place]), _object(rest)) if _verb(said[place]) and rest[:1] != [":"] else None


def _question(said: list[str]) -> tuple[str, str] | None:
    """Find the verb of a question that begins with a question word."""
    if said[0] == "how" and said[1:2] == ["to"]:
        return (lemma(said[2]), _object(said[3:])) if len(said) > 2 and _verb(said[2]) else None
    helper = next((place for place, word in enumerate(said[1:10], start=1) if word in _HELPERS), None)
    if helper is None:
        verb = lemma(said[1]) if len(said) > 1 else ""
        return (verb, _object(said[2:])) if said[0] in ("who", "what", "which") and _verb(verb) else None
    front = said[2 if said[0] == "how" else 1 : helper] if said[0] in ("what", "which", "whose", "how") else []
    return _after_helper(said, helper, _object(front))


def _after_helper(said: list[str], helper: int, front: str) -> tuple[str, str] | None:
    """Find the verb after an auxiliary and its subject; `front` is what the question word asks for ("how many days")."""
    if said[helper] in BE:
        return None
    place = helper + 2 if said[helper + 1 : helper + 2] and said[helper + 1] in _PRONOUNS else _verb_after(said, helper + 2)
    while place < len(said) and (said[place] in _SEMI or said[place] == "to" or said[place] in ADVERBS or said[place] == "be"):
        if said[place] in _SEMI and "to" not in said[place : place + 3]:
            break
        place += 1
    if place >= len(said) or not _verb(said[place]):
        return None
    return lemma(said[place]), _object(said[place + 1 :]) or front


def _verb_after(said: list[str], start: int) -> int:
    """Return where the verb stands after a subject of several words: the first that is known as one, else the first that may be."""
    places = [place for place in range(start, min(len(said), start + 7)) if _verb(said[place]) and said[place - 1] not in DETERMINERS]
    return next((place for place in places if known_verb(said[place])), places[0] if places else len(said))


def _object(rest: list[str]) -> str:
    """Return the head of the noun phrase that `rest` begins with, as a singular; empty if it begins with none."""
    if rest and rest[0] in _PARTICLES and len(rest) > 1:
        rest = rest[1:]
    if len(rest) > 1 and rest[0] in _GIVEN_TO:
        rest = rest[1:]
    if rest and rest[0] in _MEANT and (rest[0] not in DETERMINERS or not "".join(rest[1:2]).isalpha() or rest[1] in PREPOSITIONS | _ENDS):
        return ""
    head = ""
    for word in rest:
        if _ends(word) or (head and word in _ENDS_AFTER_NOUN):
            break
        if word.isalpha() and word not in _NO_NOUNS and (not word.endswith("ly") or word in listed("ly_nouns")):
            head = word
    return lemma(head, "NOUN") if head else ""


def _ends(word: str) -> bool:
    """Whether a noun phrase is over before this word."""
    return word in _ENDS or word in _HELPERS or (word in PREPOSITIONS and word not in _NUMBERS) or not word[0].isalnum()


@cache
def _verb(word: str) -> bool:
    return word.isascii() and word.isalpha() and possible_verb(word)
