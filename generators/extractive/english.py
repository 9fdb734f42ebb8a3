"""English for slots: verb forms, person, articles and case. Nothing here knows about documents."""

import re
from functools import cache

from generators.extractive.words import words

MODALS = words("modals")
BE = words("be")
AUXILIARIES = MODALS | BE | frozenset(["has", "have", "had", "do", "does", "did", "need", "needs"])
PREPOSITIONS = words("prepositions")
DETERMINERS = words("determiners")
ADVERBS = words("adverbs")
STOPWORDS = PREPOSITIONS | DETERMINERS | AUXILIARIES
NUMBER = r"(?:\d[\d,.]*\d|\d|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty)"
_TOKEN = re.compile(r"[\w@#&/+.’'-]*\w[\w’'%-]*|[^\w\s]")
_SECOND = re.compile(
    r"\b(you are|you were|you're|you’re|you've|you’ve|you'll|you’ll|you'd|you’d|yourself|yourselves|yours|your|you)\b", re.IGNORECASE
)
_NEGATED = re.compile(r"\b(do|does|is|are|has|have|should|must|can|will)(?: not|(?<=can)not)\b")
_SHORT_NEGATION = {"can": "can't", "will": "won't"}
_FIXED = {
    "you are": "I am",
    "you were": "I was",
    "you're": "I'm",
    "you've": "I've",
    "you'll": "I'll",
    "you'd": "I'd",
    "yourself": "myself",
    "yourselves": "myself",
    "yours": "mine",
    "your": "my",
}


def tokens(text: str) -> list[tuple[str, int, int]]:
    """The words and punctuation marks of `text` with their spans."""
    return [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text)]


@cache
def lemma(word: str, kind: str = "VERB") -> str:
    """The base form of `word` as a verb (or NOUN, ADJ), the word itself when unknown."""
    from lemminflect import getLemma

    found = getLemma(word.lower(), upos=kind)
    return found[0] if found else word.lower()


@cache
def inflect(base: str, tag: str) -> str:
    """The form of verb `base` for a Penn tag such as VBZ or VBG."""
    from lemminflect import getInflection

    found = getInflection(base, tag=tag)
    return found[0] if found else base


@cache
def participle(word: str) -> bool:
    """Whether `word` reads as a past participle ("kept", "reviewed")."""
    lower = word.lower()
    base = lemma(lower)
    regular = lower.endswith("ed") and len(lower) > 4
    return regular or (base != lower and lower == inflect(base, "VBN")) or lower in {"paid", "set", "put", "let", "cut", "read"}


def known_verb(word: str) -> bool:
    """Whether `word` is the base form of a verb the rules rely on."""
    return word.lower() in words("verbs")


@cache
def possible_verb(word: str) -> bool:
    """Whether `word` can be the base form of a verb, where the place in the sentence says that it is one."""
    from lemminflect import getAllLemmas

    if known_verb(word):
        return True
    if word.endswith("ly") or not word.isalpha() or word in PREPOSITIONS | DETERMINERS | ADVERBS | AUXILIARIES:
        return False
    return word in getAllLemmas(word, upos="VERB").get("VERB", ())


@cache
def only_verb(word: str) -> bool:
    """Whether `word` is the base form of a verb and nothing else."""
    from lemminflect import getAllLemmas

    return set(getAllLemmas(word)) == {"VERB"} and possible_verb(word)


@cache
def adjective(word: str) -> bool:
    """Whether `word` may be an adjective."""
    from lemminflect import getAllLemmas

    return "ADJ" in getAllLemmas(word)


def gerund_base(word: str) -> str | None:
    """The base of gerund `word` if it is a known verb, else None."""
    lower = word.lower()
    if not lower.endswith("ing") or len(lower) < 5:
        return None
    base = lemma(lower)
    return base if known_verb(base) and inflect(base, "VBG") in {lower, lower.replace("ll", "l")} else None


def gerund(phrase: str) -> str:
    """Turn a verb phrase into its gerund: "carry over days" -> "carrying over days"."""
    head, _, rest = phrase.partition(" ")
    return f"{inflect(head, 'VBG')} {rest}".strip()


def plural(noun: str) -> bool:
    """Whether the head word `noun` looks plural."""
    lower = noun.lower()
    if "." in lower:
        return False  # a file or a product: "Node.js"
    return lower in words("plural_only") or (lower.endswith("s") and not lower.endswith(("ss", "us", "is", "news")) and len(lower) > 2)


def names_people(phrase: str) -> bool:
    """Whether `phrase` speaks of persons: an employee, the team, my manager."""
    return any(word in words("people") for word in re.findall(r"[a-z]+", phrase.lower()))


_INVERTED = re.compile(r"\b(?:[Aa]re|[Ww]ere)(?= I\b)")


def flip(text: str) -> str:
    """Put the reader in the first person: you -> I or me, your -> my."""

    def turn(match: re.Match[str]) -> str:
        word = match.group().lower().replace("’", "'")
        if match.start() and match.group()[0].isupper() and re.match(r" [A-Z]", text[match.end() :]):
            return match.group()
        if word in _FIXED:
            return _FIXED[word]
        return "I" if _is_subject(text[: match.start()], text[match.end() :]) else "me"

    return _INVERTED.sub(lambda verb: {"are": "am", "Are": "Am", "were": "was", "Were": "Was"}[verb.group()], _SECOND.sub(turn, text))


def _is_subject(before: str, after: str) -> bool:
    previous = [word.lower() for word in re.findall(r"[\w’'#@-]+|[,;:]", before)[-1:]]
    following = next((word.lower() for word in re.findall(r"[\w’'-]+|[,;.:?]", after) if word.lower() not in ADVERBS), "")
    if not following[:1].isalpha():
        return False
    if previous and previous[0] in words("thinking"):
        return True
    if not previous or previous[0] in AUXILIARIES:
        return following not in PREPOSITIONS
    if previous[0] in PREPOSITIONS - {"before", "after", "until", "since", "as"}:
        return False
    verbal = following in AUXILIARIES or known_verb(following) or (known_verb(lemma(following)) and participle(following))
    if previous[0] in words("subject_before"):
        return verbal
    return verbal and following not in PREPOSITIONS and not (known_verb(previous[0]) and previous[0] not in words("nounish"))


def flip_object(verb: str, rest: str) -> str:
    """`rest`, which follows `verb`, in the asker's person: what comes first in it is an object, never the subject."""
    return flip(f"{verb} {rest}")[len(verb) + 1 :]


def contracted(text: str) -> str:
    """The negations of `text` as people say them: "is not" -> "isn't"."""
    return _NEGATED.sub(lambda match: _SHORT_NEGATION.get(match.group(1), f"{match.group(1)}n't"), text)


def first_person(text: str) -> bool:
    """Whether the asker appears in `text`."""
    return re.search(r"\b(?:I|me|my|mine|myself)\b", text) is not None


def article(noun: str) -> str:
    """Add "the" before a bare singular count noun phrase."""
    head, first = noun.rsplit(maxsplit=1)[-1], noun.split(maxsplit=1)[0].lower()
    if first in DETERMINERS or re.match(NUMBER + r"\b", first) or plural(head) or head[0].isupper():
        return noun
    bare = head.lower() in words("mass") or head.lower().endswith(("ing", "ity", "ness", "ment", "ion"))
    return noun if bare else f"the {noun}"


def capital(text: str) -> str:
    """Upper-case the first letter."""
    return text[:1].upper() + text[1:]


def stem(word: str) -> str:
    """A six-letter stem for comparing topics."""
    return word.lower()[:6].rstrip("s")


def stems(text: str) -> frozenset[str]:
    """Stems of the content words of `text`."""
    found = re.findall(r"[A-Za-z][\w-]{2,}", text)
    return frozenset(stem(word) for word in found if word.lower() not in STOPWORDS)
