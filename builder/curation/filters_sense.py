"""What a response says that no response of a dataset should: that it refuses, that it is an AI, that a text is above; and what is secret.

Precise rather than complete: a refusal is only one where the response begins with it, since "I cannot log in" is a question of many people.
"""

import re
from functools import cache

from builder.findings.mask import actions, placeholder
from builder.findings.personal import personal
from builder.findings.secrets import secrets
from builder.unseen_text import refers_to_text
from generators.alpaca.checks import points_to_text
from schemas.findings import FindingsSection, Rule
from schemas.records import Pair

_AS_AI = re.compile(
    r"""\b(?:
        as\ (?:an?|your)\ (?:artificial\ intelligence|ai\b|(?:large\ )?language\ model|chat-?bot)
      | i(?:['’]m|\ am)\ (?:just\ |only\ )?an?\ (?:ai\b|artificial\ intelligence|(?:large\ )?language\ model|chat-?bot)
      | my\ (?:knowledge\ cut-?off|training\ data)\b | (?:developed|created|trained)\ by\ openai\b
      | als\ (?:eine?\ )?(?:ki\b|k[üu]nstliche\ intelligenz|sprachmodell) | en\ tant\ qu['’](?:ia\b|intelligence\ artificielle)
      | en\ tant\ que\ mod[èe]le | como\ (?:una?\ )?(?:ia\b|inteligencia\ artificial|modelo\ de\ lenguaje)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_SORRY = (
    r"(?:(?:i['’]m|i\ am|we['’]re)\ (?:so\ |very\ |really\ )?(?:sorry|afraid)|sorry|i\ apologi[sz]e|apologies|unfortunately)[,.;:!]?"
    r"\ (?:but\ |that\ )?"
)
_HELP = (
    r"(?:assist|help|comply|fulfil+|answer|provide|complete|do\ (?:that|this)|create|generate|write|discuss|share|continue|respond|process"
    r"|see|access|determine)"
)
_REFUSES = re.compile(
    rf"""\s*(?:{_SORRY})?(?:
        i\ (?:can(?:['’]t|not|\ not)|could\ not|am\ (?:not\ able|unable)|['’]m\ (?:not\ able|unable)|won['’]t|will\ not)
          \ (?:be\ able\ )?(?:to\ )?{_HELP}\b
      | i(?:['’]m|\ am)\ (?:not\ able|unable)\ to\ {_HELP}\b
      | i\ (?:do\ not|don['’]t)\ have\ (?:access|enough\ (?:information|context)|the\ ability|personal|sufficient)
      | (?:the\ |this\ )?(?:provided|given|above)?\ ?(?:text|passage|context|document|excerpt)\ (?:provided\ )?(?:does\ not|doesn['’]t)
          \ (?:mention|contain|provide|specify|say|state|give|include)
      | (?:please|kindly|could\ you)\ (?:please\ )?provide\ (?:me\ with\ )?(?:the|a|an|some|more)\ (?:\w+\ ){{0,3}}
          (?:text|passage|context|input|details|information)
      | no\ (?:input|answer|output)\b[.!]?\s*\Z | n/?a[.!]?\s*\Z | <?no\ ?input>?[.!]?\s*\Z
      | es\ tut\ mir\ leid,\ (?:aber\ )?(?:ich\ kann|dabei) | ich\ kann\ (?:dir|ihnen)?\ ?(?:dabei|damit)\ (?:leider\ )?nicht
      | (?:je\ suis\ )?d[ée]sol[ée]e?,\ (?:mais\ )?je\ ne\ (?:peux|suis) | lo\ siento,\ (?:pero\ )?no\ puedo
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_HINTS = (
    "ai",
    "language model",
    "chat",
    "virtual assistant",
    "cutoff",
    "cut-off",
    "training data",
    "openai",
    "ki",
    "intelli",
    "sprachmodell",
    "ia",
)
_ITSELF = re.compile(r"(?:in|from|by|of) (?:this|the (?:following|text))\b", re.IGNORECASE)  # a response may speak of what it writes
_MAY_BE_PERSONAL = re.compile(r"@|\d(?:\D{0,4}\d){3}|::")  # what all personal data has one of
_BROUGHT = 5  # words
_REDIRECTS = frozenset({"off_topic"})  # tasks whose answers refuse as they should


def refusal(pair: Pair) -> str:
    """Return the words with which a response refuses or speaks as an AI; a pair about what the documents lack may say that they do."""
    if any(hint in pair.output.lower() for hint in _HINTS) and (found := _AS_AI.search(pair.output)):
        return f"it says {found.group()!r}"
    if pair.grounding == "absent" or pair.task in _REDIRECTS:
        return ""
    found = _REFUSES.match(pair.output)
    return f"it begins with {found.group().strip()!r}" if found else ""


def unseen_text(pair: Pair) -> str:
    """Return the words of a question or response that point to a text which is not there; with an input there is one."""
    if pair.input.strip() or pair.history:
        return ""
    found = refers_to_text(pair.instruction)
    if found and not _brings_along(pair.instruction, found):
        return f"the question says {found!r}"
    if pair.grounding == "absent" or "\n" in pair.instruction.strip() or len(pair.instruction.split()) > 60:
        return ""
    found = points_to_text(pair.output)
    return f"the response says {found!r}" if found and not _ITSELF.match(found) else ""


def _brings_along(question: str, found: str) -> bool:
    """Whether a question that says "the above" or "below" has enough words on that side of it to be what is meant."""
    before, _, after = question.partition(found)
    lower = found.lower()
    return ("above" in lower and len(before.split()) >= _BROUGHT) or ("below" in lower and len(after.split()) >= _BROUGHT)


def sensitive(pair: Pair, policy: FindingsSection) -> tuple[Rule, str] | None:
    """Return the rule and the name of what a pair holds and the policy does not allow.

    A pair is never masked: it would teach the placeholder. For the same reason one with a placeholder of a masked document goes.
    """
    text = "\n".join((pair.instruction, pair.input, pair.output, *(turn.content for turn in pair.history)))
    if "[" in text and (found := _placeholders().search(text)):
        return "secret", f"the placeholder {found.group()}"
    hidden = {rule for rule, action in actions(policy).items() if action != "allow"}
    if "secret" in hidden and (name := next((name for name, _, _ in secrets(text)), "")):
        return "secret", name
    if hidden - {"secret"} and _MAY_BE_PERSONAL.search(text):
        return next(((rule, name) for rule, name, _, _ in personal(text) if rule in hidden), None)
    return None


@cache
def _placeholders() -> re.Pattern[str]:
    """What stands for masked characters, as `mask` writes it: its beginning, filled up with bullets."""
    long = "x" * 20
    known = (placeholder(rule, long).rstrip("•") for rule in actions(FindingsSection()))
    return re.compile("|".join(f"{re.escape(shown)}•+" for shown in known))
