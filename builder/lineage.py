"""Looking back: what a workspace holds, and how one pair came to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.review.repair import draft_in, id_after
from builder.review.told import events_about, in_words
from builder.step import ANSWERS, CHUNKS, DOCUMENTS, DRAFTS, MODEL, PAIRS, QUARANTINE
from builder.store import read_json, read_records
from schemas.errors import WorkspaceError
from schemas.records import Chunk, Document, Draft, Dropped, Evidence, Pair
from schemas.review import Event

CONTEXT = 90


@dataclass(frozen=True)
class Lineage:
    """One pair (or draft that did not become one) with everything that led to it and came of it."""

    record: Pair | Draft
    document: Document | None  # none if the pair is about no document
    chunk: Chunk | None
    wordings: tuple[Pair, ...]
    dropped: Dropped | None
    answers: dict[str, Any] | None
    said: tuple[Event, ...] = ()  # by people who reviewed it

    def as_json(self) -> dict[str, Any]:
        """Return the lineage for other programs, without the whole document."""
        return {
            "record": self.record.model_dump(mode="json"),
            "document": self.document.model_dump(mode="json", exclude={"text"}) if self.document else None,
            "chunk": self.chunk.model_dump(mode="json") if self.chunk else None,
            "wordings": [pair.model_dump(mode="json", include={"id", "instruction", "form", "split"}) for pair in self.wordings],
            "dropped": self.dropped.model_dump(mode="json", exclude={"record"}) if self.dropped else None,
            "answers": self.answers,
            "review": [event.model_dump(mode="json", exclude_defaults=True) for event in self.said],
        }

    def as_text(self) -> str:
        """Return the lineage for people."""
        record, made = self.record, self.record.provenance
        by = f"{made.generator}" + (f", rule {made.rule}" if made.rule else "") + (f", model {made.model}" if made.model else "")
        lines = [
            f"pair      {record.id}",
            *(f"{turn.role:<9} {turn.content}" for turn in record.history),
            f"question  {record.instruction}",
            *([f"input     {record.input}"] if record.input else []),
            f"response  {record.output}",
            f"task      {record.task}, form {record.form}",
            f"became    {self._fate()}",
            *(f"review    {line}" for line in in_words(self.said)),
            f"made by   {by}" + (f", request {made.request_id}, prompt {made.prompt_hash}" if made.request_id else ""),
            *self._place(),
            f"grounding {record.grounding}" + (f", flags {', '.join(record.flags)}" if record.flags else ""),
            *self._evidence(),
            *(f"scores    {name} {value:g}" for name, value in self._scores().items()),
            *(f"wording   {pair.instruction} [{pair.split}, {pair.form}]" for pair in self.wordings if pair.id != record.id),
            *(f"{name.replace('_', ' '):<9} {text}" for name, text in (self.answers or {}).get("answers", {}).items()),
        ]
        return "\n".join(lines)

    def _scores(self) -> Mapping[str, Any]:
        """Return the scores of the pair, or those that it had when it was dropped."""
        if isinstance(self.record, Pair):
            return self.record.scores
        found = self.dropped.record.get("scores") if self.dropped else None
        return found if isinstance(found, dict) else {}

    def _fate(self) -> str:
        if self.dropped:
            return f"dropped at {self.dropped.stage}: {self.dropped.reason}" + (f" ({self.dropped.detail})" if self.dropped.detail else "")
        if isinstance(self.record, Pair) and self.record.split:
            return f"chosen, in {self.record.split}"
        changed = [event.after for event in self.said if event.item == self.record.id and event.after]
        return f"changed by a person, to {id_after(self.record, changed[-1])}" if changed else "valid, not chosen yet"

    def _place(self) -> list[str]:
        page, piece = self.document, self.chunk
        lines = [f"document  {page.path} ({page.id}, {page.format}, file sha256 {page.sha256[:16]})"] if page else []
        if piece:
            headings = " > ".join(piece.heading_path) or "(no heading)"
            lines.append(f"passage   {headings} ({piece.id}, characters {piece.start}-{piece.end})")
        return lines

    def _evidence(self) -> list[str]:
        if isinstance(self.record, Draft):
            return [f"quote     {quote!r}" for quote in self.record.quotes]
        return [self._quoted(span) for span in self.record.evidence]

    def _quoted(self, span: Evidence) -> str:
        """Return a quote, with the text around it if it is in the pair's own document."""
        if self.document is None or span.document_id != self.document.id:
            return f"evidence  {span.document_id}, characters {span.start}-{span.end}: »{_flat(span.quote)}«"
        before = _flat(self.document.text[max(0, span.start - CONTEXT) : span.start])
        after = _flat(self.document.text[span.end : span.end + CONTEXT])
        return f"evidence  characters {span.start}-{span.end}: …{before}»{_flat(span.quote)}«{after}…"


def explain(workspace: Path, pair_id: str) -> Lineage:
    """Return the lineage of a pair, chosen or dropped; the id may be shortened if it stays unique.

    Raises:
        WorkspaceError: nothing has that id, or several have.
    """
    pairs = split_pairs(workspace) if (workspace / PAIRS).exists() else []
    chosen = {pair.id: pair for pair in pairs}
    drafts = {draft.id: draft for draft in _records(workspace, DRAFTS, Draft)}
    names, known = (pair_id, f"pair-{pair_id}"), {**drafts, **chosen}
    known = known if any(key.startswith(names) for key in known) else _left(workspace, names)
    found = sorted(key for key in known if key.startswith(names))
    if len(found) != 1:
        some = next(iter(chosen), next(iter(drafts), "none"))
        raise WorkspaceError(
            f"{pair_id}: {'no pair has' if not found else f'{len(found)} pairs begin with'} this id; an id of this workspace is {some}"
        )
    record = chosen.get(found[0]) or known[found[0]]
    made = record.provenance
    answers = read_json(workspace / ANSWERS) if (workspace / ANSWERS).exists() else []
    return Lineage(
        record=record,
        document=next((document for document in _records(workspace, DOCUMENTS, Document) if document.id == made.document_id), None),
        chunk=next((chunk for chunk in _records(workspace, CHUNKS, Chunk) if chunk.id == made.chunk_id), None),
        wordings=tuple(pair for pair in pairs if pair.group == record.group),
        dropped=None if record.id in chosen else _dropped(workspace, record.id),  # a copy of a chosen pair shares its id
        answers=next((answer for answer in answers if answer["pair_id"] == record.id), None),
        said=tuple(events_about(workspace, record)),
    )


def _left(workspace: Path, names: tuple[str, ...]) -> dict[str, Pair | Draft]:
    """Return what left the way under such a name: drafts of the generator, and pairs that people had changed."""
    left = (dropped for dropped in _records(workspace, QUARANTINE, Dropped) if dropped.id.startswith(names))
    found = (Pair.model_validate(one.record) if "evidence" in one.record else draft_in(one) for one in left)
    return {record.id: record for record in found if record}


def _dropped(workspace: Path, pair_id: str) -> Dropped | None:
    return next((dropped for dropped in _records(workspace, QUARANTINE, Dropped) if dropped.id == pair_id), None)


def split_pairs(workspace: Path) -> list[Pair]:
    """Return the chosen pairs with their splits.

    Raises:
        WorkspaceError: the workspace has none yet.
    """
    if not (workspace / PAIRS).exists():
        raise WorkspaceError(f"{workspace}: no pairs yet; run kilopair split")
    return list(_records(workspace, PAIRS, Pair))


def model_folders(workspace: Path, *, with_base: bool) -> dict[str, str]:
    """Return the folders of the models to talk to, the tuned one last.

    Raises:
        WorkspaceError: there is no tuned model yet.
    """
    if not (workspace / MODEL).exists():
        raise WorkspaceError(f"{workspace}: no tuned model yet; run kilopair train")
    note = read_json(workspace / "manifest.json")["stages"].get("pretrain", {}).get("counts", {})
    base = str(workspace / "base") if "base" not in note else str(note["base"])
    return ({"base": base} if with_base else {}) | {"tuned": str(workspace / MODEL)}


def _records(workspace: Path, name: str, model: type[Any]) -> list[Any]:
    path = workspace / name
    return list(read_records(path, model)) if path.exists() else []


def _flat(text: str) -> str:
    return " ".join(text.split())
