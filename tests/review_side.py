"""A workspace with as many pairs as a test or a benchmark wants, written by the stages' own means, and a review server on it."""

import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from builder.pipeline import publish
from builder.review.serve import listening, opened_desk, server_at
from builder.review.sources import Sources
from builder.step import CHUNKS, DIAGNOSIS, DOCUMENTS, DRAFTS, PAIRS, save
from builder.store import read_json, write_json, write_records
from builder.workspace import STAGE_FILE, Workspace
from schemas.recipe import Recipe
from schemas.records import Chunk, Document, Draft, Dropped, Evidence, Page, Pair, Provenance, Reason

THINGS = ("kettle", "lamp", "pump", "valve", "sensor", "ladder", "drill", "crate", "fuse", "tarpaulin")
PLACES = ("harbour", "orchard", "workshop", "archive", "bakery", "observatory", "lighthouse", "quarry")
TASKS = ("question_answering", "how_to", "summarization")


@dataclass
class Made:
    """What a workspace is made of; change it before it is written."""

    documents: list[Document] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    chosen: list[Pair] = field(default_factory=list)
    left_out: list[Dropped] = field(default_factory=list)
    failed: list[Dropped] = field(default_factory=list)

    def write(self, folder: Path, *, until: str = "split") -> Recipe:
        """Write the workspace as far as `until`; return its recipe."""
        recipe = Recipe(workspace=str(folder))
        valid = [*self.chosen, *(Pair.model_validate(one.record) for one in self.left_out)]
        writers = {
            "read": lambda at: save(at, DOCUMENTS, self.documents) | {"documents": len(self.documents)},
            "chunk": lambda at: save(at, CHUNKS, self.chunks) | {"chunks": len(self.chunks), "documents": len(self.documents), "tokens": 0},
            "generate": lambda at: save(at, DRAFTS, []) | {"kept": len(valid) + len(self.failed), "in": len(valid) + len(self.failed)},
            "validate": lambda at: save(at, PAIRS, [*valid, *self.failed]),
            "curate": lambda at: save(at, PAIRS, [*self.chosen, *self.left_out]),
            "split": lambda at: {
                "in": len(self.chosen), "kept": write_records(at / PAIRS, _divided(self.chosen)), "dropped": {},
                "train": len(self.chosen), "validation": 0, "test": 0, "paraphrase": 0,
            },
        }  # fmt: skip
        with Workspace(folder) as work:
            for name, write in writers.items():
                work.stage(name, reads={"made": len(valid), "by": str(valid[:1])}, code=(), make=write)
                if name == until:
                    break
            publish(work, recipe)
        return recipe


def made(*, documents: int = 3, chunks: int = 3, facts: int = 4, left_out: int = 5, failed: int = 2) -> Made:
    """Return a dataset of so many documents, chunks of each, and facts of each chunk: a pair for each fact."""
    found = Made()
    for number in range(documents):
        found.documents.append(document := document_of(number, chunks, facts))
        found.chunks += (cut := list(chunks_of(document)))
        found.chosen += pairs_of(document, cut)
    found.left_out = [_left(pair, place) for place, pair in enumerate(found.chosen[len(found.chosen) - left_out :])]
    del found.chosen[len(found.chosen) - left_out :]
    found.failed = [_failed(draft_of(pair), place) for place, pair in enumerate(found.chosen[:failed])]
    return found


def document_of(number: int, chunks: int, facts: int) -> Document:
    """Return a document of sections, each with sentences of its own."""
    sections = [f"## Part {part}\n\n" + " ".join(_sentence(number, part, fact) for fact in range(facts)) for part in range(chunks)]
    text = f"# Manual {number}\n\n" + "\n\n".join(sections)
    middle = text.index("## Part 0")
    pages = (Page(number=1, start=0, end=middle), Page(number=2, start=middle, end=len(text)))
    path = f"manuals/{PLACES[number % len(PLACES)]}-{number}.md"
    return Document.of(path=path, title=f"Manual {number}", format="markdown", text=text, raw=text.encode(), pages=pages)


def chunks_of(document: Document) -> Iterator[Chunk]:
    """Yield the sections of a document."""
    places = [place for place in range(len(document.text)) if document.text.startswith("## Part", place)]
    for number, start in enumerate(places):
        end = places[number + 1] - 2 if number + 1 < len(places) else len(document.text)
        yield Chunk.of(document, start, end, (document.title, f"Part {number}"), 50)


def pairs_of(document: Document, chunks: Sequence[Chunk]) -> Iterator[Pair]:
    """Yield a pair for each sentence of the chunks."""
    for chunk in chunks:
        body = chunk.text.index("\n\n") + 2
        at = chunk.start + body
        for sentence in chunk.text[body:].split(". "):
            quote = sentence if sentence.endswith(".") else sentence + "."
            yield _pair(document, chunk, Evidence.of(document, at, at + len(quote)))
            at += len(quote) + 1


def _pair(document: Document, chunk: Chunk, evidence: Evidence) -> Pair:
    words = evidence.quote.split()
    made_by = Provenance(document_id=document.id, chunk_id=chunk.id, generator="extractive", rule="where")
    task = TASKS[evidence.start % len(TASKS)]
    question = f"Where is the {words[1]} {words[2]} kept?"
    draft = Draft.of(
        task=task, instruction=question, output=evidence.quote, quotes=(evidence.quote,), spans=((evidence.start, evidence.end),),
        group=f"fact-{evidence.start}-{document.id[-6:]}", form="where/kept", provenance=made_by,
    )  # fmt: skip
    kept = draft.model_dump(exclude={"quotes", "spans"})
    return Pair.model_validate(kept | {"evidence": [evidence], "scores": {"support": 1.0, "quality": 0.5}})


def draft_of(pair: Pair) -> Draft:
    """Return a draft that fails where the pair does not: its response is blank."""
    return Draft.of(
        task=pair.task, instruction=pair.instruction, output=" ", quotes=tuple(one.quote for one in pair.evidence),
        group=pair.group, form=pair.form, provenance=pair.provenance,
    )  # fmt: skip


def _sentence(number: int, part: int, fact: int) -> str:
    thing = THINGS[(number + part + fact) % len(THINGS)]
    return (
        f"The {thing} K{number}-{part}-{fact} is kept in the {PLACES[(number * 3 + fact) % len(PLACES)]} behind door {number * 7 + fact}."
    )


def _left(pair: Pair, place: int) -> Dropped:
    reasons = (Reason.OVER_CAP, Reason.DOUBTFUL, Reason.NOT_SELECTED)
    return Dropped.of(pair, "select", reasons[place % len(reasons)], "others came first")


def _failed(draft: Draft, place: int) -> Dropped:
    return Dropped.of(draft, "validate", Reason.BLANK, f"output is blank ({place})")


def _divided(pairs: Iterable[Pair]) -> list[Pair]:
    return [pair.model_copy(update={"split": "train", "status": "selected"}) for pair in pairs]


def diagnosed(folder: Path, suspects: Sequence[dict[str, str]]) -> None:
    """Write what a diagnosis says of suspects into a finished workspace."""
    facts = read_json(folder / "manifest.json")
    at = folder / "stages" / "diagnose-1"
    write_json(at / DIAGNOSIS, {"suspects": list(suspects)})
    write_json(at / STAGE_FILE, {"stage": "diagnose", "content": "one", "counts": {}, "seconds": 0.0})
    facts["stages"]["diagnose"] = {"folder": "stages/diagnose-1", "content": "one"}
    write_json(folder / "manifest.json", facts)


class Reviewer:
    """A browser without a screen: it has followed the link, and holds the cookies and the token of the page."""

    def __init__(self, url: str, name: str = "") -> None:
        self.http = httpx2.Client(base_url=url.partition("/?")[0], follow_redirects=True, trust_env=False, timeout=300)
        page = self.http.get(url)
        assert page.status_code == 200, page.text
        self.http.headers["x-kilopair-csrf"] = page.text.split('name="csrf" content="')[1].split('"')[0]
        if name:
            self.post("/api/name", {"name": name})

    def get(self, path: str, **query: object) -> Any:
        return self.answered(self.http.get(path, params={name: str(value) for name, value in query.items()}))

    def post(self, path: str, body: object) -> Any:
        return self.answered(self.http.post(path, json=body))

    def decide(self, *events: dict[str, Any]) -> Any:
        return self.post("/api/decisions", {"events": list(events)})

    def answered(self, reply: httpx2.Response) -> Any:
        assert reply.status_code == 200, f"{reply.status_code}: {reply.text}"
        return reply.json()


def event(action: str, item: str = "", **more: Any) -> dict[str, Any]:
    """An event as a page sends it, with an op of its own."""
    return {"op": f"op-{secrets.token_hex(8)}", "item": item, "action": action, **more}


@contextmanager
def served(folder: Path, recipe: Recipe, *, root: Path | None = None, name: str = "ann", port: int = 0) -> Iterator[str]:
    """Serve a workspace in a thread; yields the link that opens a session."""
    address = listening("127.0.0.1", port)
    with opened_desk(recipe, root or folder, Sources.of(folder)) as desk:
        server = server_at(desk, address, name)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [address.socket]})
        thread.start()
        try:
            yield f"{address.origin}/?token={desk.token}"
        finally:
            server.should_exit = True
            thread.join(10)
