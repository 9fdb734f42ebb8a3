"""Candidate bases side by side on one dataset, before anything is trained: what they are, whether they fit, what they know already."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from schemas.errors import InputError, KilopairError
from schemas.records import Pair
from schemas.training import TrainSection
from trainer.base import is_embedded
from trainer.candidate_scores import FewShot, bits_of_answers, bytes_of_answers, draw_shots, few_shot
from trainer.candidate_text import Lengths, Reading, measure_rows, read_texts, template_notes, texts_of
from trainer.generate import context_of
from trainer.guards import check_model
from trainer.licence import licence_of
from trainer.machine import device, prepare
from trainer.memory import Load, Memory, estimate
from trainer.model import config_of, load, load_tokenizer, saved_ends
from trainer.plan import widest
from trainer.rows import Row, pair_rows
from trainer.settings import resolve
from trainer.templates import Template, choose_template
from trainer.trial import Trial, free_bytes, trial

OWN = "yours"  # made from the user's documents


@dataclass(frozen=True)
class Dataset:
    """What candidates are measured on: the training pairs, and the held-out questions that are scored."""

    train: Sequence[Pair]
    questions: Sequence[Pair]
    seed: int = 0
    shots: int = 3


@dataclass(frozen=True)
class Candidate:
    """What is known of one base, as the user named it and where it lies; `problem` says why the rest is missing."""

    base: str
    place: str
    problem: str = ""
    architecture: str = ""
    parameters: int | None = None
    licence: str = "unknown"
    vocabulary: int | None = None
    reading: Reading | None = None
    lengths: Lengths | None = None
    template: str = ""
    end_token: str = ""
    memory: Memory | None = None
    least: Memory | None = None
    free: int | None = None
    trial: Trial | None = None
    bits: list[float] = field(default_factory=list)
    bits_per_byte: float | None = None
    few_shot: FewShot | None = None
    gguf: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def needed(self) -> int | None:
        """Bytes to train: measured if there was a trial, else estimated."""
        return self.trial.peak if self.trial else self.memory.total if self.memory else None

    @property
    def fits(self) -> bool | None:
        """Tell whether training fits into the memory that is free, if need be row by row with recomputed activations; None: not known."""
        wanted = [memory.total for memory in (self.memory, self.least) if memory]
        return None if not wanted or self.free is None else min(wanted) <= self.free

    def as_json(self) -> dict[str, Any]:
        """Return everything but the bits of single answers."""
        facts = {name: value for name, value in asdict(self).items() if name != "bits"}
        parts = {name: memory.as_json() if memory else None for name, memory in (("memory", self.memory), ("least", self.least))}
        return {**facts, **parts, "needed": self.needed, "fits": self.fits}


def look_at(base: str, place: str, dataset: Dataset, *, section: TrainSection, with_trial: bool) -> Iterator[str | Candidate]:
    """Yield what is done next, and at the end what is known of a base.

    Whatever goes wrong with it becomes its `problem`, so that the others can be looked at.

    Args:
        base: as the user named it.
        place: its folder, or its name at the hub.
        dataset: what it is measured on.
        section: how it would be trained.
        with_trial: whether two updates on the widest batch are made, to measure what training takes.
    """
    prepare()
    found = Candidate(base, place, licence=OWN if is_embedded(place) else licence_of(place))
    for step in (_describe, _score, _try):
        if step is _try and not with_trial:
            continue
        yield f"{base}: {_DOING[step.__name__]}"
        try:
            found = step(found, dataset, section)
        except KilopairError as error:
            found = replace(found, problem=str(error))
        except Exception as error:  # noqa: BLE001 - a broken folder may raise anything, and is one candidate of several
            reason = next(iter(str(error).splitlines()), "")
            found = replace(found, problem=f"{type(error).__name__}: {reason}; see whether its folder is whole and a causal language model")
        if found.problem:
            break
    yield found


_DOING = {"_describe": "reads the pairs", "_score": "answers the held-out questions", "_try": "trains two updates"}


def _describe(found: Candidate, dataset: Dataset, section: TrainSection) -> Candidate:
    """Add what needs no weights."""
    config = config_of(found.place)
    tokenizer = load_tokenizer(found.place)
    own_template = bool(tokenizer.chat_template)
    template = choose_template(tokenizer, section.template, system=section.system)
    rows = pair_rows([*dataset.train, *dataset.questions], template)
    found = replace(
        found,
        architecture=next(iter(config.architectures or ()), config.model_type),
        vocabulary=len(tokenizer),
        reading=read_texts(tokenizer, texts_of([*dataset.train, *dataset.questions])),
        lengths=measure_rows(rows, _context(config)),
        template="its own" if own_template and template.name == "chat" else template.name,
        end_token=str(tokenizer.convert_ids_to_tokens(template.end)),
        free=free_bytes(str(device())),
        gguf=_gguf_problem(found.place),
    )
    try:
        return _with_memory(found, config, rows[: len(dataset.train)], section)
    except InputError as error:  # some architectures cannot be counted; a trial still measures them
        return replace(found, notes=[str(error)])


def _context(config: Any) -> int | None:
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def _gguf_problem(base: str) -> str:
    from trainer.export.gguf_file import problem_of

    return problem_of(base)


def _with_memory(found: Candidate, config: Any, rows: Sequence[Row], section: TrainSection) -> Candidate:
    from trainer.setup import choose_precision, load_of

    parameters = estimate(config, Load(1, 1, 1)).parameters
    settings = resolve(section, embedded=is_embedded(found.place), parameters=parameters)
    batch = widest(rows, section.batch_tokens)
    autocast = choose_precision(section.precision, parameters) == "bfloat16"
    whole = replace(load_of(batch, section, settings), autocast=autocast)
    least = replace(load_of([max(batch, key=len)], section, settings), autocast=autocast, recomputed=True)
    return replace(found, parameters=parameters, memory=estimate(config, whole), least=estimate(config, least))


def _score(found: Candidate, dataset: Dataset, section: TrainSection) -> Candidate:
    """Add what the model knows already."""
    model, tokenizer = load(found.place)
    template = choose_template(tokenizer, section.template, system=section.system)
    check_model(model, template)
    found = replace(found, parameters=found.parameters or model.num_parameters())
    notes = found.notes + template_notes(tokenizer, template, saved_ends(model))
    lengths = found.lengths or measure_rows(pair_rows(dataset.questions, template), context_of(model))
    fitting = _fitting(dataset.questions, template, lengths)
    if not fitting:
        return replace(found, notes=[*notes, "no held-out question fits its context, so it was not scored"])
    bits = bits_of_answers(model, fitting, template)
    shots = draw_shots(dataset.train, count=dataset.shots, seed=dataset.seed)
    return replace(
        found,
        notes=notes,
        bits=bits if len(fitting) == len(dataset.questions) else [],
        bits_per_byte=sum(bits) / sum(bytes_of_answers(fitting)),
        few_shot=few_shot(model, fitting, shots, template=template, lengths=lengths),
    )


def _fitting(pairs: Sequence[Pair], template: Template, lengths: Lengths) -> list[Pair]:
    rows = pair_rows(pairs, template)
    return [pair for pair, row in zip(pairs, rows, strict=True) if lengths.context is None or len(row) <= lengths.context]


def _try(found: Candidate, dataset: Dataset, section: TrainSection) -> Candidate:
    return replace(found, trial=trial(dataset.train, base=found.place, section=section))
