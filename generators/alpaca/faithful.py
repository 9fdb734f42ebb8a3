"""Whether what a model wrote about a fact of the rules still is that fact: its questions, and the sentence before its answer.

The answer itself is the rules' and never the model's. A question may not lose or add a name or a number, turn a yes into a no,
give the answer away or ask for another fact. The sentence says nothing that question and answer do not say: each of its words is
one of theirs or only holds the sentence together. That costs some good sentences; the answer stands without one.
"""

import re
from collections.abc import Sequence

from generators.alpaca.checks import normal, points_to_text, token_f1
from generators.alpaca.screen import suspicious
from generators.alpaca.sense import (
    ASKING,
    DUTY,
    LEAD,
    LEAVE,
    SENTENCE,
    TIES,
    WORD,
    amounts,
    content,
    denies_alike,
    doubts,
    holds,
    holds_exactly,
    in_order,
    is_negative,
    lost_names,
    names,
    numbers,
    on_subject,
    parts,
    shared,
)
from schemas.records import Draft

_UNIT = "minute|hour|day|night|week|month|quarter|year|time|euro|dollar|pound|percent|metre|meter|mile|kilometre|litre|kilo"
_ONE_UNIT = re.compile(rf"\b(?:an?|one|half|every|each|per|another) (?:{_UNIT})\b")
_ASKS_FOR_MORE = re.compile(
    r"(?:what(?! if\b| about\b)|when(?= (?:do|does|is|are|can|may|must|should|will)\b)|where|who|whom|whose|why|how(?! about\b)|which)\b"
)
_ADDRESS = re.compile(r"@|://|www\.", re.IGNORECASE)
_SYMBOL = re.compile(r"[^\w\s.,;:!?'\"()…-]")
_MOST_QUESTIONS = 2  # in one wording: "A railcard? Is it paid?" is one still
_LONGEST_QUESTION = 300  # characters
_LONGEST = 40  # words of the sentence before the answer
_ALIKE = 0.6  # token F1 with a question, or share of its words, from which on it is that question that is asked
_FEWEST_SHARED = 2  # words with the answer, where a question has none with its fact's question or headings
_LEAST_LEAK = 4  # words: a shorter line of an answer may stand in a question by chance, unless it is the whole answer


def wording_problem(  # noqa: PLR0913 - what is known of the fact, by name
    wording: str, number: int, facts: Sequence[Draft], *, places: Sequence[str], company: str, capitals: bool = True
) -> str:
    """Return in what a question differs from that of its fact, or an empty string.

    Args:
        wording: the question that the model wrote.
        number: which of the facts it is said to ask for, from 1.
        facts: all facts of the request, each with a question of the rules and its answer.
        places: title and headings of each.
        company: its name, which a question may leave out or add.
        capitals: whether a capital inside a sentence makes a name; not so in German.
    """
    fact, place = facts[number - 1], places[number - 1]
    known = f"{fact.instruction} {place}"
    return (
        _form_problem(wording, fact)
        or _number_problem(wording, fact)
        or _name_problem(wording, fact, known=known, company=company, capitals=capitals)
        or _sense_problem(wording, fact)
        or _subject_problem(wording, number, facts, known)
    )


def _form_problem(wording: str, fact: Draft) -> str:
    if not WORD.search(wording) or len(wording) > _LONGEST_QUESTION:
        return "it is blank or too long"
    if pointer := points_to_text(wording):
        return f"it says {pointer!r}, but its reader sees no text"
    if suspicious(wording) or (_ADDRESS.search(wording) and not _ADDRESS.search(fact.instruction)):
        return "it is no question of a person"
    if wording.count("?") > _MOST_QUESTIONS:
        return "it asks several things"
    answer = LEAD.sub("", fact.output, count=1)
    lines = [answer, *(line for line in SENTENCE.split(answer) if len(WORD.findall(line)) >= _LEAST_LEAK)]
    leaks = [leak for line in lines if (leak := line.strip(" .!-*"))]
    if any(holds(wording, leak) and not holds(fact.instruction, leak) for leak in leaks):
        return "it gives the answer away"
    return ""


def _number_problem(wording: str, fact: Draft) -> str:
    asked, wanted = numbers(wording), numbers(fact.instruction)
    if asked == wanted:
        changed = amounts(wording) - amounts(fact.instruction)
        return f"it makes {' '.join(min(changed))} of what the question says" if changed else ""
    number = min(asked ^ wanted)
    return f"it {'adds' if number in asked else 'leaves out'} the number {number}"


def _name_problem(wording: str, fact: Draft, *, known: str, company: str, capitals: bool) -> str:
    own = parts(re.findall(r"[\w-]+", company.casefold()))
    if lost := lost_names(names(fact.instruction, capitals=capitals) - own, wording):
        return f"it leaves out {lost[0]!r}"
    strange = lost_names(names(wording, capitals=capitals) - own, known)
    return f"it names {strange[0]!r}, which the question does not" if strange else ""


def _sense_problem(wording: str, fact: Draft) -> str:
    question, subject = fact.instruction, on_subject(wording, fact.instruction)
    asked = "\n".join(subject)
    if is_negative(asked) != is_negative(question) or doubts(asked) % 2 != doubts(question) % 2 or not denies_alike(asked, question):
        return "it is not as positive or negative as the question"
    if not LEAD.match(fact.output):
        return ""
    if any(_ASKS_FOR_MORE.match(normal(part)) for part in subject):
        return "the answer is yes or no, and it asks for something else"
    must, may = (bool(DUTY.search(question)), bool(LEAVE.search(question)))
    if (must and not DUTY.search(wording) and LEAVE.search(wording)) or (
        may and not must and DUTY.search(wording) and not LEAVE.search(wording)
    ):
        return "it asks what must be instead of what may be, or the other way round"
    return ""


def _subject_problem(wording: str, number: int, facts: Sequence[Draft], known: str) -> str:
    fact = facts[number - 1]
    asked = content("\n".join(on_subject(wording, fact.instruction)), ASKING)
    own, likeness = len(shared(asked, fact.instruction)), token_f1(wording, fact.instruction)
    if likeness < _ALIKE and not shared(asked, known) and len(shared(asked, fact.output)) < _FEWEST_SHARED:
        return f"it shares no word with fact {number}"
    for at, other in enumerate(facts, start=1):
        theirs = len(shared(asked, other.instruction))
        is_nearer = theirs > own and theirs >= _ALIKE * len(content(other.instruction, ASKING))
        if other.output != fact.output and (is_nearer or token_f1(wording, other.instruction) > max(likeness, _ALIKE)):
            return f"it asks for fact {at} rather than for fact {number}"
    return ""


def first_problem(first: str, fact: Draft, *, company: str) -> str:
    """Return what the sentence before an answer says that neither question nor answer does, or an empty string."""
    said, answer = normal(first), normal(fact.output)
    if len(said.split()) > _LONGEST or "?" in first or "\n" in first.strip() or points_to_text(first) or _ADDRESS.search(first):
        return "it is no short sentence that answers"
    lead, own = LEAD.match(answer), LEAD.match(said)
    if (lead[1] if lead else "") != (own[1] if own else ""):
        return f"it does not begin with {lead[1]!r} as the answer does" if lead else "it begins with yes or no, which the answer does not"
    known, whole = f"{normal(fact.instruction)}\n{answer}", holds_answer(first, fact)
    return (
        _amount_problem(said, normal(fact.instruction), answer, whole=whole)
        or _word_problem(said, f"{known}\n{normal(company)}")
        or _opposite_problem(LEAD.sub("", said, count=1), answer)
        or _force_problem(said, answer, known)
        or ("" if whole else _order_problem(LEAD.sub("", said, count=1), normal(fact.instruction), answer))
    )


def _amount_problem(said: str, question: str, answer: str, *, whole: bool) -> str:
    known, found = f"{question}\n{answer}", numbers(said)
    if strange := sorted(found - numbers(known)):
        return f"the number {strange[0]} is not in the answer"
    begins = any(part.startswith(said.strip(" .!")) and holds(part, said.strip(" .!")) for part in SENTENCE.split(answer))
    if found and not (whole or begins or (found == numbers(answer) - numbers(question) and len(found) == 1)):
        return "it repeats one number of several, which may be the wrong one"
    if (
        amounts(said) - amounts(known)
        or any(amount not in known for amount in _ONE_UNIT.findall(said))
        or any(symbol not in known for symbol in _SYMBOL.findall(said))
    ):
        return "it gives an amount that is not in the answer"
    return ""


def _word_problem(said: str, known: str) -> str:
    words = content(said, TIES)
    strange = sorted(set(words) - set(shared(words, known)), key=words.index)
    return f"{strange[0]!r} is neither in the question nor in the answer" if strange else ""


def _opposite_problem(said: str, answer: str) -> str:
    """`said` comes after a yes or no, if there is one: "No, they are not." says it once more, and nothing else."""
    lead = LEAD.match(answer)
    sentences = [part for part in SENTENCE.split(LEAD.sub("", answer, count=1)) if part.strip()] or [answer]
    if not (words := content(said, TIES)):
        denied = lead[1] == "no" if lead else is_negative(sentences[0])
        return "it turns the answer into its opposite" if said and is_negative(said) != denied else ""
    if lead and lead[1] == "no" and not is_negative(said) and len(shared(words, answer)) < len(words):
        return "it affirms what the answer denies"
    nearest = max(sentences, key=lambda part: len(shared(words, part)))
    more = doubts(said) > doubts(nearest) or (is_negative(said) and not is_negative(nearest))
    return "it turns the answer into its opposite" if more or not denies_alike(said, nearest) else ""


def _order_problem(said: str, question: str, answer: str) -> str:
    is_said = any(in_order(said, f"{question}\n{part}") for part in SENTENCE.split(answer))
    return "" if is_said else "it puts the words of the answer in another order"


def _force_problem(said: str, answer: str, known: str) -> str:
    if (DUTY.search(said) and LEAVE.search(answer) and not DUTY.search(answer)) or (LEAVE.search(said) and not LEAVE.search(known)):
        return "it makes a duty of what is allowed, or the other way round"
    return ""


def holds_answer(first: str, fact: Draft) -> bool:
    """Tell whether a sentence holds the whole answer word for word, so that the answer need not follow."""
    answer = LEAD.sub("", fact.output, count=1).strip(" .")
    return bool(answer) and holds_exactly(first, answer)
