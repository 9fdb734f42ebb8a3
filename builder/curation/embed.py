"""Texts to vectors: what an embedder is, what of a pair it is shown, and how its vectors are remembered.

An `Embedder` is any function from texts to rows of length 1, so that the product of two rows is their cosine. There are
three: an endpoint (`generators.llm.embeddings`), a local model (`embed_local`), and one that needs no model at all
(`lexical`). The first two are slow or cost money, and give the same text the same row whatever stands beside it: their
rows are remembered in one file, by the hash of model and text.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from generators.llm.embeddings import Embeddings
from generators.llm.vector_account import Account, price_of_vectors
from schemas.curation_embed import EmbedSection
from schemas.errors import InputError, WorkspaceError
from schemas.recipe import BudgetSection, EndpointSection
from schemas.records import Pair

Vectors = NDArray[np.float32]

Progress = Callable[[int, int], None]  # told how many of how many texts have their vectors

CODE = (
    "builder.curation.embed",
    "builder.curation.embed_local",
    "builder.curation.lexical",
    "generators.llm.embeddings",
    "generators.llm.vector_rows",
)
MODELS = ("endpoint", "local")  # embedders that know more than the words, which the other levels compare already
AT_ONCE = 1024  # texts between two commits: what a run that is cut off loses at most


class Embedder(Protocol):
    """Makes vectors of texts; `name` says by what, so that vectors of two embedders are never mixed."""

    name: str

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return n x d float32, rows of length 1 (0 for a text without anything to go by)."""
        ...


def question_of(pair: Pair) -> str:
    """Return what a pair asks: the turns before, the question, the input. By this, near copies are found."""
    return "\n".join(filter(None, (*(turn.content for turn in pair.history), pair.instruction, pair.input)))


def whole_of(pair: Pair) -> str:
    """Return what a pair asks and answers. By this, the spread of a set is judged."""
    return f"{question_of(pair)}\n{pair.output}"


def embedder(  # noqa: PLR0913 what only the caller knows, keyword-only
    section: EmbedSection,
    endpoint: EndpointSection,
    *,
    root: Path,
    cache: Path,
    account: Account | None = None,
    progress: Progress | None = None,
) -> Embedder | None:
    """Return the embedder that the recipe names, or None if it names none.

    Args:
        section: names it.
        endpoint: of the recipe; it makes the vectors unless the section names another one.
        root: the folder of the recipe.
        cache: the file in which vectors of a model are remembered.
        account: what requests to an endpoint are written into and paid from; see `account_of`.
        progress: told of the vectors that a model has made.
    """
    match section.by:
        case "none":
            return None
        case "lexical":
            from builder.curation.lexical import Lexical

            return Lexical()
        case "endpoint":
            return Remembered(Embedded(endpoint_of(section, endpoint), batch=section.batch, account=account), cache, progress)
        case "local":
            from builder.curation.embed_local import LocalModel

            return Remembered(LocalModel(section.model, root=root), cache, progress)


def account_of(section: EmbedSection, endpoint: EndpointSection, *, journal: Path, budget: BudgetSection) -> Account | None:
    """Return the account of the vectors: the file of the journal, the caps and the price; None where no endpoint makes them.

    Raises:
        RecipeError: dollars are capped and the price is not known.
    """
    if section.by != "endpoint":
        return None
    return Account(journal, budget, price_of_vectors(endpoint_of(section, endpoint), budget, section.usd_per_million))


def endpoint_of(section: EmbedSection, endpoint: EndpointSection) -> EndpointSection:
    """Return the endpoint of the vectors: that of the recipe, but for what the section names; a key stays with its own URL."""
    given = endpoint.model_dump(exclude_unset=True, exclude={"api_key_env", "replay"} if section.base_url else None)
    own = {"model": section.model, "base_url": section.base_url, "api_key_env": section.api_key_env}
    named = {name: value for name, value in own.items() if value}
    return EndpointSection.model_validate(given | named)


def unit_rows(rows: NDArray[np.floating]) -> Vectors:
    """Return the rows at length 1; a row of zeros stays one.

    Raises:
        InputError: a row holds what is no number.
    """
    if not np.isfinite(rows).all():
        raise InputError("the embedding model returned vectors with values that are no numbers; use another model")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)


class Embedded:
    """The vectors of an OpenAI-compatible endpoint."""

    def __init__(self, endpoint: EndpointSection, *, batch: int, account: Account | None = None) -> None:
        self.name = f"endpoint/{endpoint.model}"
        self._embeddings = Embeddings(endpoint, batch=batch, account=account)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Ask for the vectors of all texts."""
        return unit_rows(np.array(list(self._embeddings.of(texts)), dtype=np.float64))


class Remembered:
    """An embedder that computes the vector of a text once: later runs find it in one SQLite file, whole batches or nothing."""

    def __init__(self, embedder: Embedder, path: Path, progress: Progress | None = None) -> None:
        self.name = embedder.name
        self.computed = 0
        self._progress = progress or (lambda _done, _total: None)
        self._embedder = embedder
        self._path = path

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of all texts; the new ones are computed, once each, and remembered.

        Raises:
            WorkspaceError: the file is damaged.
            InputError: the model returned vectors of another length than before.
        """
        keys = [self._key(text) for text in texts]
        try:
            with closing(self._opened()) as rows:
                missing = {key: text for key, text in zip(keys, texts, strict=True) if not _has(rows, key)}
                for done, part in _parts(list(missing), AT_ONCE):
                    self._add(rows, part, [missing[key] for key in part])
                    self._progress(done, len(missing))
                return _stacked([_row(rows, key) for key in keys])
        except sqlite3.DatabaseError as error:
            raise WorkspaceError(f"{self._path}: the remembered vectors cannot be read ({error}); delete the file and run again") from None

    def _add(self, rows: sqlite3.Connection, keys: Sequence[bytes], texts: Sequence[str]) -> None:
        made = self._embedder(texts)
        self.computed += len(made)
        with rows:
            rows.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?)", [(key, row.tobytes()) for key, row in zip(keys, made, strict=True)]
            )

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        rows = sqlite3.connect(self._path)
        rows.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID")
        return rows

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.name}\0{text}".encode("utf-8", "surrogatepass")).digest()


def _has(rows: sqlite3.Connection, key: bytes) -> bool:
    return rows.execute("SELECT 1 FROM vectors WHERE key = ?", (key,)).fetchone() is not None


def _row(rows: sqlite3.Connection, key: bytes) -> Vectors:
    return np.frombuffer(rows.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()[0], dtype=np.float32)


def _stacked(rows: Sequence[Vectors]) -> Vectors:
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise InputError(f"the embedding model returned vectors of {len(lengths)} lengths ({sorted(lengths)}); delete the remembered ones")
    return np.stack(rows) if rows else np.empty((0, 1), np.float32)


def _parts(keys: Sequence[bytes], size: int) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Yield the keys in parts of `size`, each with how many there are up to its end."""
    for start in range(0, len(keys), size):
        part = keys[start : start + size]
        yield start + len(part), part


def by_text(embed: Embedder, pairs: Sequence[Pair], text: Callable[[Pair], str] = whole_of) -> Vectors:
    """Return the vectors of pairs, one row each, in order."""
    return embed([text(pair) for pair in pairs])
