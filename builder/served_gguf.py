"""A GGUF file written, served by llama.cpp on this machine, and asked the held-out questions: no file leaves without its proof."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generators.llm.local import local_endpoint
from schemas.errors import EndpointError, InputError
from schemas.recipe import EndpointSection
from schemas.records import Turn

if TYPE_CHECKING:
    from trainer.export.gguf_file import Form, Tuned
    from trainer.export.proof import Ask, Item
    from trainer.templates import Template

_LEAST = 16  # tokens of an answer that the section of an endpoint takes
_SECONDS = 3600.0  # one answer of a large model on a slow machine
_SAID = 300  # last characters of a converter's complaint


@dataclass(frozen=True)
class Held:
    """What a file is proved on: the held-out questions with the saved model's answers, and the tokens of the longest answer."""

    items: "list[Item]"
    most: int


def held(answers: Sequence[Mapping[str, Any]], template: "Template", *, most: int) -> Held:
    """Return what `answers` of the evaluation prove a file on."""
    from trainer.export.proof import Item

    asked = [(row["question"], row["input"], [Turn.model_validate(turn) for turn in row["history"]]) for row in answers]
    prompts = template.prompts(asked)
    return Held(
        [
            Item(template.messages(*question), prompt, row["answers"]["tuned"], row["reference"])
            for question, prompt, row in zip(asked, prompts, answers, strict=True)
        ],
        most,
    )


def write_proved(  # noqa: PLR0913 - what a file is made of and proved on
    tuned: "Tuned",
    path: Path,
    form: "Form",
    *,
    template: "Template",
    proved_on: Held,
    converter: Path | None,
    told: Callable[[int], None],
    finer: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Write a GGUF file and return the figures of its proof; a file that is another model does not stay.

    Raises:
        InputError: the model cannot be written, or the file does not read or answer as the saved model does.
        EndpointError: llama.cpp cannot serve the file.
    """
    from trainer.export.gguf_file import write_gguf
    from trainer.export.proof import EQUAL, prove

    try:
        if converter:
            convert(tuned.folder, path, form, converter)
        else:
            write_gguf(tuned, path, form, finer=finer)
        with server(path, most=proved_on.most) as ask:
            figures = prove(ask, proved_on.items, template, most=proved_on.most, progress=told)
    except (InputError, EndpointError):
        path.unlink(missing_ok=True)
        raise
    return {"bytes": path.stat().st_size, "expected": EQUAL[form], **figures}


@contextmanager
def server(file: Path, *, most: int) -> Iterator["Ask"]:
    """Serve a GGUF file to this process, and give the function that asks it.

    Raises:
        EndpointError: llama.cpp cannot serve it, or refused a request.
    """
    import httpx2

    from trainer.export.proof import WORKERS

    with local_endpoint(EndpointSection(model_file=file, concurrency=WORKERS, max_tokens=max(most, _LEAST)), exact=True) as served:
        key = {"authorization": f"Bearer {os.environ[served.api_key_env]}"}
        with httpx2.Client(base_url=served.base_url.removesuffix("/v1"), headers=key, timeout=_SECONDS) as client:

            def ask(path: str, body: Mapping[str, Any]) -> Any:
                try:
                    reply = client.post(path, json=dict(body))
                    reply.raise_for_status()
                except httpx2.HTTPError as error:
                    raise EndpointError(
                        f"llama.cpp does not answer {path} for {file.name}: {' '.join(str(error).split())[:_SAID]}"
                    ) from None
                return reply.json()

            yield ask


def convert(folder: Path, path: Path, form: "Form", converter: Path) -> None:
    """Have llama.cpp's converter write the file, from a copy without what it does not know.

    Raises:
        InputError: it is not there, or it failed; says what it said last.
    """
    if not converter.is_file():
        raise InputError(f"package.converter: {converter}: no such file; give the path of llama.cpp's convert_hf_to_gguf.py")
    with tempfile.TemporaryDirectory() as copy:
        for file in folder.iterdir():
            if file.is_file():
                (Path(copy) / file.name).symlink_to(file.resolve())
        _plain_template(Path(copy))
        command = [sys.executable, str(converter)] if converter.suffix == ".py" else [str(converter)]
        command += [copy, "--outfile", str(path), "--outtype", form]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - what the recipe names
    if done.returncode or not path.exists():
        said = " ".join((done.stderr or done.stdout).split())[-_SAID:]
        raise InputError(f"package.converter: {converter.name} ended with exit code {done.returncode}: {said}")


def _plain_template(folder: Path) -> None:
    from trainer.export.served_template import for_llama_cpp

    path = folder / "chat_template.jinja"
    if path.exists():
        text = path.read_text(encoding="utf-8")
        path.unlink()
        path.write_text(for_llama_cpp(text), encoding="utf-8")
