"""One conversation: ask, hear, mend once what is worth it, verify and sample where asked, and account for every item."""

from dataclasses import dataclass, field, replace

from generators.alpaca.asks import Ask, Material, Style
from generators.alpaca.checks import normal, questions, token_f1
from generators.alpaca.corpus import Corpus
from generators.alpaca.drafts import Kept, drafts, dropped, dropped_item
from generators.alpaca.prompts import (
    again_request,
    brief,
    first_request,
    grown_request,
    repair_request,
    resample_request,
    verify_request,
)
from generators.alpaca.replies import BadItem, Items, read_items
from generators.alpaca.rule_facts import NEED
from generators.llm.answers import Answer, read_answer, read_json
from generators.llm.calls import Complete, Request, RequestFailedError
from generators.llm.salvage import REPAIRED
from schemas.records import Draft, Dropped, Reason

_ONCE_MORE = {Reason.EMPTY_REPLY, Reason.NO_CHOICES, Reason.DEGENERATE}
_SEARCHED = 4  # passages per question that might answer it after all


@dataclass(frozen=True)
class Heard:
    """What came of one request. `reason` is set when nothing in it can be used, or only what came before the cut."""

    request: Request
    answer: Answer
    items: Items = field(default_factory=Items)
    reason: Reason | None = None
    problem: str = ""


async def converse(ask: Ask, *, style: Style, complete: Complete, corpus: Corpus | None = None) -> list[Draft | Dropped]:
    """Return the drafts of one ask, and a `Dropped` for whatever could not be used."""
    talk = _Talk(Material(ask, style, corpus), complete)
    if ask.task.settings.verify and corpus is None:
        return [dropped(ask, Reason.NOT_ASKED, "it needs a search over all documents, and there is none")]
    first = await talk.retried(await talk.hear(first_request(ask, style)))
    kept, lost = talk.sorted(first, await talk.repaired(first))
    kept, answered = await talk.verified(kept)
    kept = await talk.resampled(kept)
    return [*(draft for item in kept for draft in drafts(item, talk.material)), *lost, *answered]


@dataclass(frozen=True)
class _Talk:
    """The material of one conversation, and how to go on with it."""

    material: Material
    complete: Complete

    @property
    def ask(self) -> Ask:
        return self.material.ask

    @property
    def style(self) -> Style:
        return self.material.style

    async def hear(self, request: Request) -> Heard:
        """Ask, and read the items of the answer."""
        heard = await self.listen(request)
        if heard.reason not in {None, Reason.CUT_REPLY}:
            return heard
        items = self._filled(read_items(heard.answer.text, self.ask.task, self.material))
        whole = items.good and not items.bad and REPAIRED not in items.flags  # the limit was reached only after the last item
        if heard.reason is Reason.CUT_REPLY and not whole:
            return Heard(request, heard.answer, items, heard.reason, heard.problem)
        return Heard(request, heard.answer, items, Reason.BAD_REPLY if items.problem else None, items.problem)

    def _filled(self, items: Items) -> Items:
        """Add to the usable items what is not the model's to write; what had to be left out of them is accounted for."""
        found = [self.ask.task.filled(item, self.material) for item in items.good]
        left_out = [BadItem(number, *part) for number, one in enumerate(found, start=1) for part in one.left_out]
        return replace(items, good=tuple(one.value for one in found), left_out=tuple(left_out))

    async def listen(self, request: Request) -> Heard:
        """Ask, and read what the model says. A reply that repeats its instructions is not used."""
        try:
            reply = await self.complete(request)
        except RequestFailedError as error:
            return Heard(request, Answer(error.raw.decode("utf-8", "replace")), reason=error.reason, problem=str(error))
        answer = read_answer(reply.raw)
        if brief(self.ask, self.style).canary in answer.text:
            return Heard(request, answer, reason=Reason.CHECK, problem="the reply repeats the secret mark of its instructions")
        if answer.reason is not None and not answer.text.strip():
            answer = Answer(reply.raw.decode("utf-8", "replace"), answer.reason, answer.problem, answer.finish)
        return Heard(request, answer, reason=answer.reason, problem=answer.problem)

    async def retried(self, heard: Heard) -> Heard:
        """Ask the same once more when the reply was cut off, empty, or ran in circles; return the better of the two."""
        if not self.style.repair or (heard.reason is not Reason.CUT_REPLY and heard.reason not in _ONCE_MORE):
            return heard
        cut = heard.reason is Reason.CUT_REPLY
        second = await self.hear(grown_request(heard.request) if cut else again_request(heard.request))
        silent = heard.answer.text and not second.answer.text  # it failed: what was said the first time is all there is
        worse = second.reason is not None and (silent or len(second.items.good) < len(heard.items.good))
        return heard if worse else second

    async def repaired(self, heard: Heard) -> Heard | None:
        """Show the model what is wrong with its reply, once; None when nothing is, or nothing can be mended."""
        if not self.style.repair or heard.reason not in {None, Reason.BAD_REPLY}:
            return None
        if heard.items.problem:
            return await self.hear(repair_request(heard.request, said=heard.answer.text, problem=heard.items.problem))
        if heard.items.bad:
            problems = "; ".join(f"item {bad.number}: {bad.problem}" for bad in heard.items.bad)
            only = f"{problems}. Keep only the wrong items, corrected, in this order"
            return await self.hear(repair_request(heard.request, said=heard.answer.text, problem=only))
        return None

    def sorted(self, first: Heard, second: Heard | None) -> tuple[list[Kept], list[Dropped]]:
        """Account for a reply and its repair: each bad item of the first is repaired, still bad, or missing."""
        if second is None:
            return self._of(first)
        if first.items.problem:
            return self._of(second, before=first)
        known = {normal(question) for item in first.items.good for question in questions(item)}
        repeats = [item for item in second.items.good if known & {normal(question) for question in questions(item)}]
        kept = [*self._kept(first), *(item for item in self._kept(second, "corrected") if item.value not in repeats)]
        missing = first.items.bad[len(second.items.good) - len(repeats) + len(second.items.bad) :]
        lost = [*self._bad(second), *self._bad(first, missing)]
        again = [
            dropped_item(self.ask, item, Reason.DUPLICATE, "the repair repeats an item that was good", second.request) for item in repeats
        ]
        return kept, [*lost, *again]

    def _of(self, heard: Heard, before: Heard | None = None) -> tuple[list[Kept], list[Dropped]]:
        """Account for everything in one reply; `before` is the reply that it repairs as a whole."""
        kept, lost = self._kept(heard, "corrected") if before else self._kept(heard), self._bad(heard)
        said = heard.answer.text or (before.answer.text if before else "")
        if heard.reason is not None and not lost:
            lost = [dropped(self.ask, heard.reason, heard.problem, raw=said, request=heard.request)]
        elif not kept and not lost:
            lost = [dropped(self.ask, Reason.NOTHING_TO_ASK, "the model found nothing to ask", raw=said, request=heard.request)]
        return kept, lost

    def _kept(self, heard: Heard, *flags: str) -> list[Kept]:
        return [Kept(item, heard.request, tuple(dict.fromkeys((*heard.items.flags, *flags)))) for item in heard.items.good]

    def _bad(self, heard: Heard, items: tuple[BadItem, ...] | None = None) -> list[Dropped]:
        found = heard.items.bad if items is None else items
        cut = Reason.CUT_REPLY if heard.reason is Reason.CUT_REPLY else None
        lost = [dropped(self.ask, cut or self._why(bad), bad.problem, raw=bad.raw, request=heard.request) for bad in found]
        parts = [dropped(self.ask, Reason.CHECK, part.problem, raw=part.raw, request=heard.request) for part in heard.items.left_out]
        return [*lost, *parts]

    def _why(self, bad: BadItem) -> Reason:
        """Tell what the schema refuses from what only the checks refuse."""
        try:
            item = read_json(bad.raw).value
        except ValueError:
            return Reason.BAD_REPLY
        return Reason.BAD_REPLY if self.ask.task.shape_problem(item, self.style) else Reason.CHECK

    async def verified(self, kept: list[Kept]) -> tuple[list[Kept], list[Dropped]]:
        """Drop the questions that some document answers after all; what cannot be verified is dropped too."""
        corpus = self.material.corpus
        if not self.ask.task.settings.verify or corpus is None or not kept:
            return kept, []
        asked = [" ".join(questions(item.value)) for item in kept]
        found = [passage for text in asked for passage, _ in corpus.search(text, limit=_SEARCHED)]
        passages = list({passage.chunk.id: passage for passage in found}.values())
        if not passages:
            return kept, []
        heard = await self.listen(verify_request(self.ask, self.style, asked, passages=passages))
        verdicts = _verdicts(heard)
        lost = [
            self._unverified(item, verdicts.get(place), heard)
            for place, item in enumerate(kept, start=1)
            if verdicts.get(place) is not False
        ]
        return [item for place, item in enumerate(kept, start=1) if verdicts.get(place) is False], lost

    def _unverified(self, item: Kept, verdict: bool | None, heard: Heard) -> Dropped:
        if verdict:
            return dropped_item(self.ask, item.value, Reason.ANSWERED_ELSEWHERE, "a document answers it after all", item.request)
        problem = heard.problem or "the reply gives no verdict on it"
        return dropped_item(self.ask, item.value, heard.reason or Reason.BAD_REPLY, f"not verified as absent: {problem}", item.request)

    async def resampled(self, kept: list[Kept]) -> list[Kept]:
        """Have the questions answered several times; keep the answer that the others agree with most."""
        if self.style.samples < 2 or not kept or "turns" in kept[0].value or self.ask.task.needs == NEED:
            return kept
        asked = [questions(item.value)[0] for item in kept]
        choices: list[list[Kept]] = [[item] for item in kept]
        for number in range(2, self.style.samples + 1):
            heard = await self.hear(resample_request(self.ask, self.style, asked, number=number))
            for place, item in _matched(asked, self._kept(heard), complete=not heard.items.bad):
                choices[place].append(item)
        return [_medoid(candidates) for candidates in choices]


def _verdicts(heard: Heard) -> dict[int, bool]:
    """Return the verdicts by number; none when the reply cannot be read."""
    if heard.reason is not None:
        return {}
    try:
        found = read_json(heard.answer.text).value.get("items")
    except ValueError:
        return {}
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    return {row["number"]: row["answered"] for row in rows if isinstance(row.get("number"), int) and isinstance(row.get("answered"), bool)}


def _matched(asked: list[str], items: list[Kept], *, complete: bool) -> list[tuple[int, Kept]]:
    """Give each item of a sample the place of its question; by their order when the model has changed the words."""
    places = {normal(question): place for place, question in enumerate(asked)}
    named = [(places[normal(questions(item.value)[0])], item) for item in items if normal(questions(item.value)[0]) in places]
    if not named and complete and len(items) == len(asked):
        return list(enumerate(items))
    return named


def _medoid(candidates: list[Kept]) -> Kept:
    """Return the answer that agrees most with the others by token F1 (self-consistency, Wang et al. 2203.11171)."""
    texts = [str(item.value["output"]) for item in candidates]
    agreement = [sum(token_f1(text, other) for other in texts) for text in texts]
    best = candidates[agreement.index(max(agreement))]
    own = {name: candidates[0].value[name] for name in ("wordings", "instruction") if name in candidates[0].value}
    return Kept(best.value | own, best.request, best.flags)
