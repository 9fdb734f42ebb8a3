"""What a model will see of the pairs, before anything is trained: the text, the tokens, which of them are in the loss, and what is wrong.

The rows are those of the training, made by the same code. Nothing here loads a model's weights.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.errors import InputError
from schemas.records import Pair
from schemas.training import TrainSection
from trainer.plan import group_by_length
from trainer.problems import Problem, pair_problems, too_long, twins
from trainer.rows import IGNORED, Row, pair_rows
from trainer.template_texts import model_text
from trainer.templates import Template

TAIL = 5  # tokens at the end of a response that are shown of every row
_UNFINISHED = "\ufffd"


class Piece(NamedTuple):
    """The text of a token, or of several that share a character; whether it is in the loss, and whether it is a control token."""

    text: str
    tokens: tuple[int, ...]
    trained: bool
    control: bool


@dataclass(frozen=True)
class Sheet:
    """One row in figures: which pair, how many tokens, how many of them in the loss, and the last of those."""

    pair_id: str
    split: str
    tokens: int
    trained: int
    tail: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """One row in full."""

    sheet: Sheet
    pieces: tuple[Piece, ...]

    def text(self) -> str:
        """Return what the model reads and learns, as the tokenizer decodes it."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True)
class Batches:
    """One pass over the training pairs: how many updates, rows in the largest, and the share of padding."""

    updates: int
    largest: int
    padded_share: float


@dataclass(frozen=True)
class Preview:
    """Everything that is to be seen before a training."""

    template: Template
    sheets: tuple[Sheet, ...]
    shown: tuple[Shown, ...]
    batches: Batches
    limit: int | None
    prompt_weight: float
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def template_text(self) -> str:
        """The template as it will be saved with the model."""
        return model_text(self.template.tokenizer)

    def endings(self) -> list[tuple[tuple[str, ...], int]]:
        """Return the last two trained tokens of all rows with how often they occur, the most frequent first."""
        return Counter(sheet.tail[-2:] for sheet in self.sheets).most_common()

    def ended(self) -> int:
        """Return how many rows have the end token as the last one in the loss."""
        end = str(self.template.tokenizer.decode([self.template.end]))
        return sum(sheet.tail[-1:] == (end,) for sheet in self.sheets)


@dataclass(frozen=True)
class Wanted:
    """Which rows are shown in full: pairs by id, else so many, spread over the lengths."""

    rows: int = 3
    ids: tuple[str, ...] = ()


def preview(pairs: Sequence[Pair], template: Template, section: TrainSection, *, limit: int | None, wanted: Wanted) -> Preview:
    """Look at the pairs of the splits train and validation (a pair without a split counts as train) as training would take them.

    Raises:
        InputError: there is no pair, or none with the wanted id.
    """
    used = [pair for pair in pairs if pair.split in (None, "train", "validation")]
    if not used:
        raise InputError("there are no pairs to preview")
    train = [pair for pair in used if pair.split != "validation"]
    validation = [pair for pair in used if pair.split == "validation"]
    rows = dict(_rendered(used, template))
    lengths = [(pair.id, len(rows[place])) for place, pair in enumerate(used) if place in rows]
    problems = (*pair_problems(used, template), *twins(train, validation), *too_long(lengths, limit))
    sheets = {place: _sheet(used[place], row, template) for place, row in rows.items()}
    return Preview(
        template=template,
        sheets=tuple(sheets.values()),
        shown=tuple(Shown(sheets[place], tuple(pieces(rows[place], template))) for place in _chosen(used, rows, wanted)),
        batches=_batches([len(row) for place, row in rows.items() if used[place].split != "validation"], section),
        limit=limit,
        prompt_weight=section.prompt_weight,
        problems=problems,
        notes=tuple(_notes(template, used)),
    )


def _rendered(pairs: Sequence[Pair], template: Template) -> Iterator[tuple[int, Row]]:
    """Yield the row of every pair that makes one, with its place; what makes none is told as a problem."""
    for place, pair in enumerate(pairs):
        try:
            yield place, pair_rows([pair], template)[0]
        except (InputError, TypeError, AttributeError, UnicodeError):
            continue


def pieces(row: Row, template: Template) -> Iterator[Piece]:
    """Yield the row's text token by token; tokens that are a character only together come as one piece."""
    start, done = 0, 0  # the text of [start:done) is known and stands before the next piece, whose spaces depend on it
    ids, known = row.input_ids, ""
    for place in range(len(ids)):
        text = _decoded(ids[start : place + 1], template)
        if text.endswith(_UNFINISHED) and place + 1 < len(ids) and place - done < 4:
            continue
        trained = row.labels[place] != IGNORED
        yield Piece(text[len(known) :], tuple(ids[done : place + 1]), trained, _is_control(ids[place], template))
        start, done = done, place + 1
        known = _decoded(ids[start:done], template)


def _decoded(ids: Sequence[int], template: Template) -> str:
    return str(template.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))


def _is_control(token: int, template: Template) -> bool:
    added = template.tokenizer.added_tokens_decoder.get(token)
    return added is not None and (added.special or str(added) in template.control_tokens)


def _sheet(pair: Pair, row: Row, template: Template) -> Sheet:
    last = Row(row.input_ids[-TAIL:], row.labels[-TAIL:])
    tail = tuple(piece.text for piece in pieces(last, template) if piece.trained)
    return Sheet(pair.id, pair.split or "train", len(row), row.trained, tail)


def _chosen(pairs: Sequence[Pair], rows: dict[int, Row], wanted: Wanted) -> list[int]:
    """Return the places of the rows to show: those asked for, else from the shortest to the longest."""
    if wanted.ids:
        places = {pair.id: place for place, pair in enumerate(pairs)}
        if missing := [name for name in wanted.ids if places.get(name) not in rows]:
            raise InputError(f"{missing[0]}: no such pair in train or validation, or one without text; see the ids in the file of pairs")
        return [places[name] for name in wanted.ids]
    order = sorted(rows, key=lambda place: (len(rows[place]), place))
    count = min(wanted.rows, len(order))
    return [order[number * (len(order) - 1) // max(1, count - 1)] for number in range(count)]


def _batches(lengths: Sequence[int], section: TrainSection) -> Batches:
    if not lengths:
        return Batches(0, 0, 0.0)
    batches = group_by_length(lengths, budget=section.batch_tokens, draw=random.Random(0))  # noqa: S311 - a shuffle, not a secret
    padded = sum(len(batch) * max(lengths[place] for place in batch) for batch in batches)
    return Batches(len(batches), max(map(len, batches)), 1 - sum(lengths) / padded)


def _notes(template: Template, pairs: Sequence[Pair]) -> Iterable[str]:
    """Yield what is no fault but should be known."""
    text, tokenizer = model_text(template.tokenizer), template.tokenizer
    if "strftime_now" in text:
        yield "the template writes a date into the prompt: always that of 26 July 2024, so that prompts stay those of the training"
    prompt = template.prompt_text("QUESTION")
    before = prompt.partition("QUESTION")[0]
    if "system" in before and not template.system:
        yield "the template adds a system turn of its own; train.system replaces it"
    if template.lead.strip():
        yield f"the template puts {template.lead.strip()!r} before every answer; it is part of what is learnt"
    if "</think>" in prompt:
        yield "the template closes its thinking block in the prompt: no thinking is trained, and the saved template asks for none"
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        yield "padding is not a token of its own; the end tokens stay in the loss all the same, because labels are masked by length"
    if len({pair.output.strip() for pair in pairs}) == 1 and len(pairs) > 1:
        yield "all pairs have one and the same response"
