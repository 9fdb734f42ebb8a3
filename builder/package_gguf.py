"""The GGUF files of a package, each proved, and the Modelfile of the one that answers most alike."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.exported_answers import write_exported
from builder.mixed_gguf import measured_noise, mixed_note, with_mixed
from builder.served_gguf import Held, held, write_proved
from builder.step import ANSWERS, EVALUATION, Step
from builder.store import read_json
from schemas.errors import InputError

if TYPE_CHECKING:
    from trainer.export.gguf_file import Tuned
    from trainer.templates import Template

GGUF, MODELFILE = "gguf", "Modelfile"
_CONTEXT = 4096  # of Ollama at least; more is memory that most chats do not need


def make_files(step: Step, folder: Path, name: str, *, converter: Path | None) -> tuple[dict[str, Any], list[str]]:
    """Write every file that the recipe asks for into `folder`/gguf; return their figures by name, and what to tell people.

    Raises:
        UsageError: a library is missing.
        InputError: the model cannot be written, or a file does not read or answer as the model does.
    """
    from trainer.export.gguf_file import check_libraries
    from trainer.export.proof import below

    check_libraries()
    forms, progress = step.recipe.package.gguf, step.work.progress("package")
    evaluated = step.output("evaluate").folder
    (folder / GGUF).mkdir()
    with opened(folder, name) as (tuned, template):
        proved_on = held(read_json(evaluated / ANSWERS), template, most=read_json(evaluated / EVALUATION)["max_new_tokens"])
        files: dict[str, Any] = {}
        given: dict[str, list[dict[str, Any]]] = {}
        notices: list[str] = []
        for number, form in enumerate(forms):
            path, before = folder / GGUF / f"{name}-{form}.gguf", number * len(proved_on.items)

            def told(count: int, before: int = before) -> None:
                progress(before + count, len(forms) * len(proved_on.items), {})

            write = partial(write_proved, tuned, form=form, template=template, proved_on=proved_on, converter=converter, told=told)
            files[path.name] = figures = write(path)
            if step.recipe.package.mixed and not converter:
                measured = partial(measured_noise, tuned.folder, proved_on, template, form)
                files[path.name] = figures = with_mixed(path, figures, form, measured=measured, write=write)
            given[form] = figures.pop("answers")
            notices += [note for note in (mixed_note(path.name, figures, form), below(path.name, figures)) if note]
        write_exported(step, folder.parent, given)
        best = max(files, key=lambda name: (files[name]["answers_equal"], -files[name]["bytes"]))
        return files, [*notices, *_modelfile(folder / GGUF, best, tuned, proved_on)]


@contextmanager
def opened(folder: Path, name: str) -> "Iterator[tuple[Tuned, Template]]":
    """Open a model folder for export; adapters are merged into their base in a folder of its own, as long as the context lasts."""
    from trainer.export.gguf_file import Tuned
    from trainer.model import is_adapter, load, load_tokenizer
    from trainer.templates import choose_template

    with tempfile.TemporaryDirectory() as merged:
        if is_adapter(folder):
            model, tokenizer = load(folder)
            model.save_pretrained(merged)
            tokenizer.save_pretrained(merged)
        weights = Path(merged) if is_adapter(folder) else folder
        template = choose_template(load_tokenizer(weights))
        ends = (template.end, *sorted(_own_ends(weights) - {template.end}))
        yield Tuned(weights, name, template.tokenizer, ends), template


def _own_ends(folder: Path) -> frozenset[int]:
    """The tokens at which a folder's own settings end an answer."""
    from transformers import GenerationConfig

    if not (folder / "generation_config.json").exists():
        return frozenset()
    own: Any = GenerationConfig.from_pretrained(folder).eos_token_id
    return frozenset(token for token in (own if isinstance(own, list) else [own]) if isinstance(token, int))


def _modelfile(folder: Path, gguf: str, tuned: "Tuned", proved_on: Held) -> list[str]:
    """Write the Modelfile if Ollama's prompt can be the trained one; return what to tell people if not."""
    from trainer.export.modelfile import Served, check_pieces, pieces_of, probe_chats, write_modelfile

    tokenizer, chats = tuned.tokenizer, [item.messages for item in proved_on.items]
    try:
        pieces = pieces_of(tokenizer)
        check_pieces(pieces, tokenizer, [*probe_chats(with_system=pieces.system is not None), *chats])
    except InputError as error:
        return [str(error)]
    longest = max(len(item.prompt) for item in proved_on.items) + proved_on.most
    context = min(_context(tuned.folder), max(_CONTEXT, longest))
    served = Served([str(tokenizer.convert_ids_to_tokens(end)) for end in tuned.ends], context, proved_on.most)
    write_modelfile(folder / MODELFILE, gguf=gguf, pieces=pieces, served=served)
    return []


def _context(folder: Path) -> int:
    from trainer.model import config_of

    return int(config_of(folder).get_text_config().max_position_embeddings)
