"""Decisions from a page into the log: checked as a whole, filled in with what only the server knows, stored all or none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pydantic

from builder.review.filters import Filter
from builder.review.index import Index, Place
from builder.review.items import sources_of
from builder.review.log import ReviewLog
from builder.review.repair import Problem, Settings, repaired
from schemas.checks import explain
from schemas.errors import KilopairError, UsageError
from schemas.records import Draft, Pair
from schemas.review import Event, Standing, Texts

MOST = 1000  # events of one request
LATE = timedelta(minutes=1)  # a clock that is further ahead than this is wrong
OWN = ("reviewer", "key", "document", "seq")  # fields of an event that only the server fills in
BULK = ("accept", "reject", "skip")
LONGEST_BULK = 56  # characters of its op, which a number follows for each item
MOST_STANDINGS = 500  # that an answer holds; a page that is told less asks for its list again


class UnknownItemError(KilopairError):
    """An event names an item that is not in the dataset."""


class ChangedError(KilopairError):
    """What a bulk action is about is no longer what its reviewer saw."""


class InvalidTextsError(KilopairError):
    """Texts that somebody wrote make no valid pair."""

    def __init__(self, item: str, problems: Sequence[Problem]) -> None:
        super().__init__(f"{item}: {problems[0].field}: {problems[0].message}")
        self.problems = problems


@dataclass(frozen=True)
class Decided:
    """What was stored, how its items stand now, and which words of others its reviewer had not seen."""

    stored: list[Event]
    standings: dict[str, Standing]
    conflicts: list[dict[str, Any]]


class Deciding:
    """Takes decisions on the items of an index into a log."""

    def __init__(self, index: Index, log: ReviewLog, settings: Settings) -> None:
        self._index = index
        self._log = log
        self._settings = settings

    def decide(self, given: Sequence[Mapping[str, Any]], reviewer: str) -> Decided:
        """Store events of one reviewer, all or none.

        Raises:
            UsageError: one of them is no event.
            UnknownItemError: one is about an item that there is not.
            InvalidTextsError: one makes texts that are no valid pair.
            InputError: an undo takes back what is not in the log.
        """
        if len(given) > MOST:
            raise UsageError(f"{len(given):,} events at once; send at most {MOST:,}")
        places = self._index.places(str(one.get("item")) for one in given)
        events = [self._filled(_event(one, reviewer), places) for one in given]
        stored = self._log.append(events)
        items = {event.item: None for event in stored if event.action != "undo"}
        undone = [event.seq for event in stored if event.action == "undo"]
        items |= dict.fromkeys(self._index.changed(min(undone) - 1, MOST_STANDINGS) if undone else ())
        standings = self.standings(items)
        return Decided(stored, standings, _conflicts(events, standings))

    def bulk(self, given: Mapping[str, Any], reviewer: str) -> int:
        """Store one event for each item that a filter lets through; return of how many.

        Raises:
            UsageError: the action, the reason or the filter means nothing.
            ChangedError: the filter now lets through another number of items than the reviewer saw.
        """
        if given.get("action") not in BULK:
            raise UsageError(f"action: {given.get('action')!r} is none for many at once; there are {', '.join(BULK)}")
        named = given.get("filter")
        asked = Filter.of(named if isinstance(named, Mapping) else {})
        first = _event({**{name: given.get(name) or "" for name in ("op", "action", "reason", "note")}, "item": "all"}, reviewer)
        if len(first.op) > LONGEST_BULK:
            raise UsageError(f"op: at most {LONGEST_BULK} characters for many at once")
        if stored := self._index.bulk(first.op)[0]:  # the answer to an earlier try was lost
            return stored
        ids = self._index.ids(asked)
        if len(ids) != given.get("expect"):
            raise ChangedError(f"{len(ids):,} items are meant now, not {given.get('expect')}; look at the list again")
        places = self._index.places(ids)
        common = {"bulk": first.op, "base": self._log.last()}
        self._log.append([self._meant(first, places[name], common, number) for number, name in enumerate(ids)])
        return len(ids)

    def check(self, item: str, texts: Texts) -> Pair | list[Problem]:
        """Return the pair that texts make of an item, or what is wrong with them.

        Raises:
            UnknownItemError: there is no such item.
        """
        record = self._index.item(item)
        if record is None:
            raise UnknownItemError(f"{item}: no such item; run kilopair review again if the dataset has changed")
        documents, chunks = sources_of(self._index, record)
        return repaired(record, texts, documents=documents, chunks=chunks, settings=self._settings)

    def standings(self, items: Iterable[str]) -> dict[str, Standing]:
        """Return how items stand that somebody has said something about, by the ids that they have now."""
        named = list(items)
        heirs = self._index.heirs(named)
        asked = {item: heirs.get(item, item) for item in named}
        found = self._log.standings({*asked, *asked.values()})
        return {item: _as(item, found[said], found.get(item)) for item, said in asked.items() if said in found}

    def _filled(self, event: Event, places: Mapping[str, Place]) -> Event:
        """Return an event with what it does not say of its item, and with texts that are sound."""
        place = places.get(event.item)
        if place is None:
            if event.action == "undo":  # of something said about an item that is no longer there
                return event
            raise UnknownItemError(f"{event.item}: no such item; run kilopair review again if the dataset has changed")
        filled = event.model_copy(update={"key": place.key, "document": place.document_id})
        if event.action not in ("edit", "repair") or event.after is None:
            return filled
        made = self.check(event.item, event.after)
        if not isinstance(made, Pair):
            raise InvalidTextsError(event.item, made)
        return filled if event.before else filled.model_copy(update={"before": Texts.of(self._record(event.item))})

    def _record(self, item: str) -> Pair | Draft:
        found = self._index.item(item)
        assert found is not None  # it was checked
        return found

    def _meant(self, first: Event, place: Place, common: Mapping[str, Any], number: int) -> Event:
        own = {"op": f"{first.op}.{number}", "item": place.id, "key": place.key, "document": place.document_id}
        return first.model_copy(update={**common, **own})


def _as(item: str, standing: Standing, own: Standing | None) -> Standing:
    """Return a standing by the id that its item has now; under which a note is no word, but as new as any."""
    return standing.model_copy(update={"item": item, "seq": max(standing.seq, own.seq if own else 0)})


def _event(given: Mapping[str, Any], reviewer: str) -> Event:
    """Return the event that somebody sent, as said by this reviewer, now unless it says when."""
    now = datetime.now(UTC)
    try:
        event = Event.model_validate({"at": now, **{name: value for name, value in given.items() if name not in OWN}, "reviewer": reviewer})
    except pydantic.ValidationError as error:
        raise UsageError(f"{given.get('op') or 'an event'}: {explain(error)}") from None
    return event.model_copy(update={"at": now}) if event.at > now + LATE else event


def _conflicts(events: Iterable[Event], standings: Mapping[str, Standing]) -> list[dict[str, Any]]:
    """Return what others had said about an item when somebody decided on it who had not seen it."""
    return [
        {"item": event.item, "by": other.reviewer, "action": other.action, "seq": other.seq}
        for event in events
        if event.item in standings and event.action not in ("undo", "note")
        for other in standings[event.item].decisions
        if other.reviewer != event.reviewer and other.seq > event.base
    ]
