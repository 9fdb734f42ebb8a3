"""Permissions, duties, advice and prohibitions, asked as yes/no questions whose "No." is as frequent as their "Yes."."""

import re
from collections.abc import Iterator
from dataclasses import replace

from generators.extractive.clauses import Clause
from generators.extractive.english import BE, DETERMINERS, contracted, gerund, lemma, names_people
from generators.extractive.facts import Fact
from generators.extractive.page import Sentence
from generators.extractive.phrases import TWO_ACTS, trim
from generators.extractive.words import words

_ALLOWED = re.compile(rf"(?:{'|'.join(sorted(words('allowed')))})\b")
_HEDGED = re.compile(
    r"\b(?:only|unless|except|either|neither|whichever|more than once|in part|partly|alone|at most|(?:maximum|minimum) of|no|no more than|"
    r"as needed|if possible|as possible|not yet)\b|^\s*(?:so|that)\b"
)
_MOSTLY = re.compile(r"\b(?:often|usually|generally|typically|normally|sometimes|mostly|rarely|hardly|occasionally)\b")
_POLARITY = re.compile(r"\b(?:any|anyone|anything|yet|ever|at all)\b")
_TURNS = re.compile(r"\b(?:but|however|although|though|except|unless|only|instead|while|whereas)\b")
_SOFT = re.compile(r"\b(?:encouraged|recommended|ideally|preferably|where possible|if possible|try to)\b")
# an alternative of acts, which a yes/no question would turn into a choice between them
_DONE = r"(?:\w+ed|\w+en|made|done|held|kept|paid|sent|put|set)"
_EITHER = re.compile(rf"\b{_DONE} (?:\w+ ){{0,3}}or {_DONE}\b")
_LONGEST_DENIAL, _OF_PEOPLE = 12, 14  # words of a falsehood about a thing, or about people
_UNSPEAKABLE = re.compile(r"\(\d|\betc\b|\w/\w+/\w")
_RULE_LIKE = re.compile(
    r"\b(?:all|every|each|any|always|never|before|after|within|until|by|when|whenever|if|once|immediately|during|outside|at least|"
    r"only|both|same|\d+)\b"
)
_BECOMES = re.compile(r"(?:an?|the|more|as) ")
_IDIOM = re.compile(r"(?:take|keep|make|have) (?:care|note|advantage|a look|a moment|the time|in mind|sure|fun)\b|happen\b")
_VAGUE = re.compile(
    r"\b(?:(?:any|general|other|further) (?:\w+ )?(?:questions?|issues?|concerns?|problems?|ideas?)|in the future|as possible|"
    r"as (?:needed|necessary|appropriate))\b"
    r"|\+\d"  # a telephone number
)
_QUANTIFIED = re.compile(r"(every|all|everyone|everybody|each|any|anyone|anything|both|some|most|many)\b", re.IGNORECASE)
_POSSIBLY = re.compile(r"\b(?:every|all|always|necessarily|both|be able)\b")
_LIMIT = re.compile(r"\b(?:up to|at most|at least|a? ?maximum of|a? ?minimum of)\b")
_EVALUATION = re.compile(
    r"(?:an? |the )?(?:very |too |so |really )?(?:normal|good|bad|easy|hard|great|simple|appropriate|enough|perfect|clear|true|nice|"
    r"ideal|sure|important|usual|common|new|average|special|big|small|afraid|alone|just|always|necessarily|intended|meant|going|about|"
    r"like|a lot)\b"
)
_ABSTRACT = re.compile(
    r"(?:the|our|my) (?:solution|goal|point|purpose|idea|problem|answer|reason|aim|key|issue|question|truth|intent|intention)\b"
)
_EMPTY = re.compile(
    r"\b(?:a lot|lots|much|many|very|really|quite|simply|just|a bit|a little|anything else|more|better|best|well|good|great)\b"
)


def rules(sentence: Sentence, clause: Clause, *, limit: int = 14) -> Iterator[Fact]:
    """The rule that `clause` states, if it states one and its rest has at most `limit` words."""
    rest, family = trim(clause.body, limit=limit), _family(clause)
    if rest is None or family is None or clause.body.startswith(",") or _UNSPEAKABLE.search(sentence.text):
        return
    opening = _opening(clause, sentence)
    if _HEDGED.search(f"{rest} {opening}") or _MOSTLY.search(opening) or not _worth_asking(clause, rest, sentence):
        return
    personal = (clause.imperative or clause.subject == "I") and family not in {"deny", "affirm"}
    slots = _personal(clause, rest, family) if personal else _impersonal(clause, rest)
    if _TURNS.search(sentence.text) or _SOFT.search(sentence.text):  # a corrected falsehood would not fit what it says
        slots = {name: value for name, value in slots.items() if name not in {"denied", "opposite", "free", "wrong"}}
    yield Fact.of(family if personal else f"{family}_s", slots, sentence.text, sentence.span)


def _opening(clause: Clause, sentence: Sentence) -> str:
    """The words before the verb, where "only" would turn the rule around, and "often" make it less than a rule."""
    return " ".join(sentence.text.split()[: len(clause.subject.split()) + 2]).lower()


def _worth_asking(clause: Clause, rest: str, sentence: Sentence) -> bool:
    """Whether a person could wonder about the rule: it says more than a verb and an everyday object."""
    if _says_little(clause, rest) or (clause.negative and _possible_later(clause, rest, sentence)):
        return False
    if clause.imperative and not clause.negative:
        return _RULE_LIKE.search(rest) is not None
    long_enough = len(rest.split()) > (3 if clause.imperative else 1 if clause.subject == "I" else 0) or clause.subject.count(" ") > 0
    return long_enough and not _EMPTY.search(rest)


def _says_little(clause: Clause, rest: str) -> bool:
    """Whether the predicate is an idiom, vague, or leaves out what something is needed for or should be."""
    states = clause.base == "be" and not clause.verb
    becomes = clause.aux == "should" and clause.verb == "be" and _BECOMES.match(rest) is not None
    if becomes or _IDIOM.match(f"{clause.base} {rest}") or _VAGUE.search(rest):
        return True
    return not rest and (states or (clause.aux in BE and clause.verb in {"needed", "required", "included", "excluded"}))


def _possible_later(clause: Clause, rest: str, sentence: Sentence) -> bool:
    """Whether the negation forbids nothing for good: "do not open it until it is dry", "you may not read every channel, but ..."."""
    if re.search(r"\b(?:until|before)\b", rest):
        return True
    return clause.aux == "may" and (_POSSIBLY.search(rest) is not None or ", but" in sentence.text)


def _family(clause: Clause) -> str | None:
    negative = clause.negative
    if clause.imperative:
        return None if clause.base in words("inviting") else ("forbid" if negative else "duty")
    if clause.aux in {"can", "may"}:
        return "forbid" if negative else ("permit" if _permits(clause) else None)
    if clause.aux == "must":
        return "forbid" if negative else "duty"
    if clause.aux == "should":
        return None if clause.base in words("mental") or _expects(clause) else ("forbid" if negative else "advice")
    if negative:
        return _denial(clause)
    allows = clause.aux in BE and (_ALLOWED.fullmatch(clause.verb) or (not clause.verb and _ALLOWED.match(clause.body)))
    return "affirm" if allows else None


def _expects(clause: Clause) -> bool:
    """Whether "should" says what will probably come ("the page should load"), not what is right."""
    person = clause.imperative or clause.subject in {"I", "we"} or names_people(clause.subject) or clause.subject[0].isupper()
    return not person and clause.base not in words("demanded")


def _denial(clause: Clause) -> str | None:
    if clause.base in {"need", "have"} and clause.body.startswith("to "):
        return "free"
    stated = clause.base == "be" and not clause.verb
    if stated and (_EVALUATION.match(clause.body) or clause.subject == "we" or _ABSTRACT.match(clause.subject)):
        return None
    sure = not clause.verb.startswith("be ") or lemma(clause.verb[3:]) in words("verbs")
    return "deny" if sure and clause.base not in words("mental") and (clause.aux in BE | {"", "will"}) else None


def _permits(clause: Clause) -> bool:
    """Whether can/may grants something, rather than saying what may come to pass."""
    if clause.verb.startswith("be "):
        return (
            clause.aux == "can"
            and lemma(clause.verb[3:]) in words("verbs")
            and clause.verb[3:] not in {"found", "seen", "caused", "used", "granted", "given"}
        )
    if clause.base in words("possible"):
        return False
    able = clause.aux == "can" and (clause.subject == "we" or re.match(r"[A-Z\d]", clause.subject.split()[-1]) is not None)
    return clause.subject == "I" or able or names_people(clause.subject)


def _personal(clause: Clause, rest: str, family: str) -> dict[str, str]:
    """The verb phrase, and again under the names of the uses it is fit for.

    `may`: it is permission that is asked for, not a way to do it. `denied`: somebody may have said the contrary. `ban`: it is
    forbidden, not just impossible or unwise. `act`, `freely`, `ving`: it can stand after "if I" or as a gerund.
    """
    phrase = clause.phrase(rest).removeprefix("need to ").removeprefix("have to ").removeprefix("to ")
    acts = clause.base != "be"
    granted = clause.base not in words("enabling") and acts
    simple = acts and not TWO_ACTS.search(phrase)
    once = " if " not in phrase  # a form with "if" takes no second one
    slots = {"vp": phrase, "act": phrase if acts and once else "", "ving": gerund(phrase) if simple else ""}
    if family == "forbid":
        return slots | {
            "ban": phrase if clause.aux not in {"should", "can"} or granted else "",
            "unwise": phrase if clause.aux == "should" else "",
        }
    may = phrase if granted and not _LIMIT.search(rest) else ""
    return slots | {
        "may": may,
        "freely": may if once else "",
        "denied": "" if _POLARITY.search(rest) else may if family == "permit" else phrase,
        "strict": phrase if clause.aux == "must" and acts else "",
    }


def _impersonal(clause: Clause, rest: str) -> dict[str, str]:
    forbids = clause.negative and clause.aux == "must"
    positive = replace(clause, aux="may" if forbids else clause.aux, negative=False)
    asked = {"inv": positive.inverted(rest), "s": clause.subject}
    if clause.negative and _POLARITY.search(rest):
        return asked
    wrong = positive.plain(rest) if clause.negative else ""
    if _EITHER.search(clause.phrase(rest)):
        asked = {"s": clause.subject}
    slots = asked | {"plain": positive.plain(rest), "opposite": contracted(replace(clause, negative=True).plain(rest)), "wrong": wrong}
    quantified = _QUANTIFIED.match(clause.subject)
    if quantified:  # "not everyone has to", where "everyone doesn't have to" would say something else
        whole = quantified.group(1).lower() in {"every", "all", "everyone", "everybody"}
        slots |= {
            "opposite": f"not {positive.plain(rest)}" if whole and not clause.negative else "",
            "wrong": wrong if clause.negative else "",
        }
    most = _OF_PEOPLE if names_people(clause.subject) or clause.subject == "we" else _LONGEST_DENIAL
    slots = {name: value for name, value in slots.items() if name not in {"opposite", "wrong"} or len(value.split()) <= most}
    if clause.aux not in {"must", "should"} or clause.negative:
        return slots
    does, phrase = clause.does(), clause.phrase(rest)
    be = "are" if does == "do" else "is"
    free = f"{clause.subject} {does}n't have to {phrase}"
    if quantified:
        free = f"not {clause.subject} {'has' if does == 'does' else 'have'} to {phrase}" if slots.get("opposite") else ""
    passive = clause.verb.startswith("be ") and clause.subject.split(maxsplit=1)[0] not in DETERMINERS
    if len(free.split()) > most or ((passive or clause.aux == "should") and not names_people(clause.subject)):
        free = ""
    if clause.aux == "should" or "inv" not in slots:
        return slots | {"free": free}
    return slots | {
        "free": free,
        "has": f"{does} {clause.subject} have to {phrase}",
        "required": f"{be} {clause.subject} required to {phrase}" if names_people(clause.subject) else "",
    }
