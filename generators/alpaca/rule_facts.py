"""The facts that rules found: which of them a task may put to a model, and what its reply about them is made into.

A task whose `needs` is rule_facts shows the model no passage, only facts. Its items have `fact`, `wordings` and perhaps `first`, a
sentence before the answer; output, quotes and one more wording are the fact's own and are added here, so no reply can change them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from generators.alpaca.asks import Ask, Material
from generators.alpaca.checks import questions
from generators.alpaca.faithful import first_problem, holds_answer, wording_problem
from generators.interface import is_doubtful
from schemas.records import Draft

NEED = "rule_facts"
OWN_FIELDS = frozenset({"fact", "first"})
PER_ITEM = 5  # facts that take the room of one item of another task: no passage, no answer, no quotes to write
_TOKENS, _TOKENS_PER_WORDING = 30, 20  # of one item in a reply: around its wordings, and of each
_JOINED = (" ", "\n")


@dataclass(frozen=True)
class Filled:
    """An item with output and quotes of its fact, and what was left out of it: the problem, and the words."""

    value: dict[str, Any]
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def problem(self) -> str:
        """Why nothing is left to ask, or an empty string."""
        return "" if not self.left_out or self.value["wordings"] else "; ".join(dict.fromkeys(problem for problem, _ in self.left_out))


def by_section(drafts: Iterable[Draft]) -> dict[str, tuple[Draft, ...]]:
    """Return the facts behind drafts of the rules by chunk id: a draft each, with its plainest question; none in doubt or of a passage."""
    groups: dict[str, list[Draft]] = {}
    for draft in drafts:
        if not draft.input and draft.grounding == "quoted" and not is_doubtful(draft.flags):
            groups.setdefault(draft.group, []).append(draft)
    found: dict[str, tuple[Draft, ...]] = {}
    for first, *others in groups.values():
        plainest = min((first, *(other for other in others if other.output == first.output)), key=_adorned)  # the rules drew yes or no
        found[first.provenance.chunk_id] = (*found.get(first.provenance.chunk_id, ()), plainest)
    return found


def _adorned(draft: Draft) -> tuple[bool, bool, int]:
    """How far a question is from a plain one: without capital, no question at all, long."""
    asked = draft.instruction
    return not asked[:1].isupper(), not asked.endswith("?"), len(asked)


def asked_wordings(wordings: int) -> int:
    """Return how many wordings a model is asked for: one of those that are wanted is the rules' own."""
    return max(1, wordings - 1)


def room(items: int, *, wordings: int, max_tokens: int) -> int:
    """Return how many facts one request may hold: more than it may have items, but no more than fit into a reply."""
    return max(1, min(PER_ITEM * items, max_tokens // (_TOKENS + _TOKENS_PER_WORDING * asked_wordings(wordings))))


def fact_of(item: Mapping[str, Any], ask: Ask) -> Draft:
    """Return the fact that an item is about."""
    return ask.seeds[item["fact"] - 1]


def empty_problem(item: Mapping[str, Any], ask: Ask) -> str:
    """Return that an item is about no fact of the request, or asks nothing, or an empty string."""
    if not any(wording.strip() for wording in item["wordings"]):
        return "wordings: there is none"
    return "" if 1 <= item["fact"] <= len(ask.seeds) else f"fact: there is no fact {item['fact']}, only 1 to {len(ask.seeds)}"


def filled(item: Mapping[str, Any], material: Material) -> Filled:
    """Return the item with question, answer and evidence of its fact, without wordings and a first sentence that do not fit it."""
    ask, fact = material.ask, fact_of(item, material.ask)
    places = [ask.passage_of(other).place for other in ask.seeds]
    kept: list[str] = []
    left_out: list[tuple[str, str]] = []
    capitals = not str(ask.passage_of(fact).document.metadata.get("language")).startswith("de")
    check = partial(wording_problem, number=item["fact"], facts=ask.seeds, places=places, company=material.style.company, capitals=capitals)
    for wording in questions(item):
        problem = check(wording)
        if problem:
            left_out.append((f"wordings: {problem}", wording))
        else:
            kept.append(wording)
    first = str(item.get("first") or "").strip()
    if first and (problem := first_problem(first, fact, company=material.style.company)):
        left_out.append((f"first: {problem}", first))
        first = ""
    asked = [fact.instruction, *kept] if kept else []
    return Filled({**item, "wordings": asked, "first": first, "output": _output(first, fact), "quotes": list(fact.quotes)}, tuple(left_out))


def _output(first: str, fact: Draft) -> str:
    """The answer of the fact behind the sentence; once only, be it the yes or no or all of it."""
    answer = fact.output
    if not first or answer.startswith(first):
        return answer
    if holds_answer(first, fact):
        return first
    for lead in ("Yes. ", "No. "):
        answer = answer.removeprefix(lead)
    end = "" if first[-1] in ".!:…" else "."
    return f"{first}{end}{_JOINED[answer.startswith(('- ', '* ', '1. ', '|'))]}{answer}"
