"""Reading the main clause of a sentence with closed lists, or saying that they are not sure.

A clause is read only from an auxiliary, or from a known verb whose form agrees with its subject. Anything else is no
clause, and no question is asked of it: over-generated questions are three quarters noise (Heilman & Smith 2010).
"""

import re

from generators.extractive.clauses import Clause
from generators.extractive.english import (
    ADVERBS,
    AUXILIARIES,
    BE,
    DETERMINERS,
    MODALS,
    NUMBER,
    PREPOSITIONS,
    flip,
    flip_object,
    gerund_base,
    inflect,
    known_verb,
    lemma,
    names_people,
    participle,
    plural,
    possible_verb,
)
from generators.extractive.lexicon import Lexicon
from generators.extractive.line import RELATIVE, Line
from generators.extractive.words import words

_NO_SUBJECT = PREPOSITIONS | AUXILIARIES | RELATIVE | words("no_subject") | (words("anaphora") - {"each"})
_TAKES_OBJECT = DETERMINERS | words("after_imperative")
_PRONOUNS = frozenset({"you", "we", "i", "they", "it"})
_GERUND_NOUNS = frozenset({"building", "training", "meeting"})
_MODAL_OF = {
    "required": "must",
    "obliged": "must",
    "allowed": "may",
    "permitted": "may",
    "expected": "should",
    "able": "can",
}
_OWNER = re.compile(r"s[’']$|[’']s$")
_LABEL = re.compile(r"[A-Z][\w /&-]{1,60}:\s")
_FORBIDS = re.compile(r"(?:Do not|Never)\s+(\w+)\s+")
_TRAILING = re.compile(r"\s+(?:also|always|automatically|usually|normally|still|therefore|then|already|generally|typically|often)$")
_AFTER_VERB = re.compile(
    r"\s*(?:(?:a|an|the|your|our|their|its|all|any|no|each|every|up|at|by|within|on|for|until|from|between|about|around|only|both|in|to|it|"
    rf"you|them|place|effect|part)\b|{NUMBER}\b|[A-Z#\"“])"
)


def parse(sentence: str, lexicon: Lexicon) -> Clause | None:
    """Read the main clause at the start of `sentence`, or None where the lists are not sure."""
    line = Line.of(sentence)
    if len(line.words) < 3 or _LABEL.match(line.text):
        return None
    if line.lower[0] in {"you", "we"}:
        return _predicate(line, 1, "I" if line.lower[0] == "you" else "we")
    return _prohibition(line) or _imperative(line) or _statement(line, lexicon)


def _prohibition(line: Line) -> Clause | None:
    lead = _FORBIDS.match(line.text)
    if lead is None or not known_verb(lead.group(1)):
        return None
    verb = lead.group(1).lower()
    return Clause("you", "", True, verb, verb, flip_object(verb, line.text[lead.end() :]), imperative=True)


def _imperative(line: Line) -> Clause | None:
    place = 1 if line.words[0] in {"Always", "Immediately", "Please"} else 0
    verb, following = line.words[place], line.word(place + 1)
    if (
        (place == 0 and verb[0].islower())
        or not known_verb(verb)
        or following in AUXILIARIES
        or following in ",.:"
        or following.endswith("ed")
    ):
        return None
    rest = line.text[line.ends[place] :]
    if (
        verb.lower() in words("nounish")
        and following not in DETERMINERS | {"it", "at", "with", "you"}
        and not re.match(r"\s*[A-Z0-9#+\"“]", rest)
    ):
        return None
    if following not in _TAKES_OBJECT and line.auxiliary_follows(place + 1, limit=7):
        return None
    return Clause("you", "", False, verb.lower(), verb.lower(), flip_object(verb, rest.strip()), imperative=True)


def _statement(line: Line, lexicon: Lexicon) -> Clause | None:
    if line.lower[0] in _NO_SUBJECT or not line.words[0][0].isalnum() or _opens_participle(line, lexicon):
        return None
    if _adverb(line.lower[0]) and not participle(line.lower[1]):
        return None
    for index in range(1, min(len(line.words), 14)):
        word = line.lower[index]
        if word in RELATIVE or word in ",;:.()—–-" or word in _PRONOUNS:
            return None
        if _finite(line, index):
            subject = lexicon.lower_first(flip(_TRAILING.sub("", line.text[: line.ends[index - 1]].strip())))
            return _predicate(line, index, subject) if _noun_phrase(subject) else None
    return None


def _opens_participle(line: Line, lexicon: Lexicon) -> bool:
    first = line.lower[0]
    return (
        first.endswith(("ing", "ed"))
        and first not in _GERUND_NOUNS
        and not lexicon.is_proper(line.words[0])
        and line.lower[1] in DETERMINERS
    )


def _adverb(word: str) -> bool:
    """Whether `word` ends like an adverb: "unfortunately", "officially"."""
    return word.endswith("ly") and len(word) > 5 and word not in words("ly_nouns")


def _noun_phrase(subject: str) -> bool:
    parts = subject.lower().split()
    return (
        0 < len(parts) <= 10
        and parts[0] != "only"
        and not _adverb(parts[-1])
        and parts[-1] not in PREPOSITIONS | DETERMINERS | {"and", "or", "also", "to"}
    )


def _finite(line: Line, index: int) -> bool:
    """Whether the word at `index` is the finite verb of the subject before it."""
    word, previous = line.lower[index], line.lower[index - 1]
    owned = _OWNER.search(previous) is not None  # "the teams' need"
    if word in AUXILIARIES:
        return not (word in {"need", "needs"} and (owned or previous in DETERMINERS))
    if owned or not line.words[index][0].islower() or previous in DETERMINERS | PREPOSITIONS | {"and", "or", "to", "not"}:
        return False
    base, last = lemma(word), index + 1 == len(line.words)
    if not known_verb(base) or word not in {base, inflect(base, "VBZ")} or (last and word in words("nounish")):
        return False
    if (word != base) == plural(_head(line, index)):
        return False
    if base in words("nounish") or (word != base and lemma(word, "NOUN") != word):
        return (last or _AFTER_VERB.match(line.text, line.ends[index]) is not None) and not line.auxiliary_follows(index + 1, limit=8)
    return True


def _head(line: Line, index: int) -> str:
    """The head noun of the subject before `index`: the word before the first preposition, or a plural for a coordination."""
    before = list(line.lower[:index])
    first_preposition = next((place for place, word in enumerate(before) if place and word in PREPOSITIONS), len(before))
    if "and" in before[:first_preposition]:
        return "people"
    nouns = [word for word in before[:first_preposition] if word not in ADVERBS]
    return nouns[-1] if nouns else before[-1]


def _predicate(line: Line, index: int, subject: str) -> Clause | None:
    """The clause whose verb group starts at word `index`."""
    while line.word(index) in ADVERBS - {"only"}:
        index += 1
    word = line.word(index)
    if word in {"has", "have", "need", "needs"}:
        return _have(line, index, subject)
    if word in AUXILIARIES:
        return None if word in {"had", "could", "might", "would"} else _auxiliary(line, index, subject)
    base = lemma(word)
    if not known_verb(base) or word not in {base, inflect(base, "VBZ")}:
        return None
    return Clause(subject, "", False, word, base, line.after(index))


def _have(line: Line, index: int, subject: str) -> Clause | None:
    """has/have/need with an object, or as "must" before "to"; the perfect is left alone."""
    word, following = line.lower[index], line.word(index + 1)
    perfect = word in {"has", "have"} and participle(following) and following not in {"set", "read"}
    if perfect or following == "been" or following in ADVERBS - {"both", "first"}:
        return None
    if following == "to" and line.word(index + 2):
        return _modal(line, index + 2, subject, "must")
    return Clause(subject, "", False, word, "have" if word == "has" else lemma(word), line.after(index))


def _auxiliary(line: Line, index: int, subject: str) -> Clause | None:
    aux, negative = line.lower[index], line.lower[index] == "cannot"
    place = index + 1
    while line.word(place) in ADVERBS:
        word = line.word(place)
        # "does not automatically renew" denies less than "does not renew", so such clauses are left alone
        if word == "only" or (negative and word not in {"also", "not"}):
            return None
        negative, place = negative or word in {"not", "never"}, place + 1
    verb = line.word(place)
    if not verb:
        return None
    meant = _meant(line, aux, place) if subject in {"I", "we"} or names_people(subject) else ""
    if meant == "must" and negative:  # what is not required may still be done
        return Clause(subject, "", True, "needs" if aux == "is" else "need", "need", "to " + line.after(place + 1))
    if meant or aux in MODALS:
        return _modal(line, place + 2 if meant else place, subject, meant or aux.replace("cannot", "can"), negative=negative)
    if aux in BE:
        return _state(line, place, subject, aux, negative=negative)
    written = inflect(verb, "VBZ") if aux == "does" else verb
    denies = negative and aux in {"do", "does"} and possible_verb(verb)
    return Clause(subject, "", True, written, verb, line.after(place)) if denies else None


def _state(line: Line, place: int, subject: str, aux: str, *, negative: bool) -> Clause:
    """The clause of a form of "to be" before word `place`: a passive, or what something is."""
    verb = line.word(place)
    passive = participle(verb)
    return Clause(subject, aux, negative, *((verb, verb, line.after(place)) if passive else ("", "be", line.after(place - 1))))


def _meant(line: Line, aux: str, place: int) -> str:
    """The modal that "will need to", "are required to" or "are able to" stand for, or an empty string."""
    if line.word(place + 1) != "to" or not line.word(place + 2):
        return ""
    if aux == "will":
        return "must" if line.word(place) in {"need", "have"} else ""
    return _MODAL_OF.get(line.word(place), "") if aux in {"is", "are"} else ""


def _modal(line: Line, place: int, subject: str, aux: str, *, negative: bool = False) -> Clause | None:
    verb = line.lower[place]
    if verb == "be" and gerund_base(line.word(place + 1)):
        return None  # "will be blocking out an hour" tells of a plan, not of a rule
    if verb == "be" and participle(line.word(place + 1)):
        return Clause(subject, aux, negative, f"be {line.lower[place + 1]}", "be", line.after(place + 1))
    return Clause(subject, aux, negative, verb, verb, line.after(place)) if possible_verb(verb) or verb == "be" else None
