"""An Ollama Modelfile whose prompt is the one that was trained on, token by token.

Ollama renders prompts with Go's text/template, not with the model's Jinja template. We do not translate Jinja: conversations of marked
messages are rendered with the model's own template, what stands around the marks is cut out (`Pieces`), and the Go template only puts
those pieces around messages. Whether that is the same is proved on probe chats and on the held-out questions; if not, there is no file.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from transformers import PreTrainedTokenizerBase

from schemas.errors import InputError
from trainer.export.gguf_file import begins

Messages = Sequence[dict[str, str]]
_MARKS = {"system": "MARKS", "user": "MARKU", "assistant": "MARKA"}
_TURNS = ("user", "assistant", "user", "assistant", "user")
_TEXTS = {
    "system": 'You are a careful assistant.\nAnswer in one sentence; write "unknown" if you do not know.',
    "user": "What's the warranty of the X-200 {in months}?\n\n1. Ünits & <tags>\n2. 日本",
    "assistant": "It covers 24 months: \\o/ {{ .Content }}\n\n- and the first repair",
}  # fmt: skip


@dataclass(frozen=True)
class Pieces:
    """What stands around the messages of a prompt; `system` is None where the template takes no system message."""

    start: str
    system: tuple[str, str] | None
    user_to_assistant: str
    assistant_to_user: str
    user_to_answer: str

    def render(self, messages: Messages) -> str:
        """Return what Ollama makes of the messages with `go_template`."""
        parts: list[str] = []
        for number, message in enumerate(messages):
            parts += self._around(message, number, is_last=number == len(messages) - 1)
        return "".join(parts)

    def _around(self, message: dict[str, str], number: int, *, is_last: bool) -> list[str]:
        said = message["content"]
        if message["role"] == "system":
            return [self.system[0], said, self.system[1]] if self.system else []
        if message["role"] == "assistant":
            return [said, self.assistant_to_user]
        return [self.start if number == 0 else "", said, self.user_to_answer if is_last else self.user_to_assistant]

    def go_template(self) -> str:
        """Return the template as Go reads it; every text of ours is a quoted string, so that no space is trimmed."""
        system = f"{_text(self.system[0])}{{{{ .Content }}}}{_text(self.system[1])}" if self.system else ""
        return (
            f'{{{{ range $i, $_ := .Messages }}}}{{{{ if eq .Role "system" }}}}{system}'
            f'{{{{ else if eq .Role "assistant" }}}}{{{{ .Content }}}}{_text(self.assistant_to_user)}'
            f"{{{{ else }}}}{{{{ if eq $i 0 }}}}{_text(self.start)}{{{{ end }}}}{{{{ .Content }}}}"
            f"{{{{ if eq (len (slice $.Messages $i)) 1 }}}}{_text(self.user_to_answer)}"
            f"{{{{ else }}}}{_text(self.user_to_assistant)}{{{{ end }}}}{{{{ end }}}}{{{{ end }}}}"
        )


def _text(said: str) -> str:
    return f"{{{{ {json.dumps(said, ensure_ascii=False)} }}}}" if said else ""


def pieces_of(tokenizer: PreTrainedTokenizerBase) -> Pieces:
    """Cut what stands around messages out of rendered conversations; the begin token is left to whoever adds it by itself.

    Raises:
        InputError: the template writes a message differently depending on the others.
    """
    parts = _cut(tokenizer, _TURNS)
    if parts is None or parts[1] != parts[3] or parts[2] != parts[4]:
        raise InputError("no Modelfile: the chat template writes turns differently depending on their place")
    begin = str(tokenizer.bos_token) if begins(tokenizer) else ""
    around = _cut(tokenizer, ("system", "user"))
    system = (around[0].removeprefix(begin), around[1]) if around else None
    return Pieces(parts[0].removeprefix(begin), system, parts[1], parts[2], parts[5])


def _cut(tokenizer: PreTrainedTokenizerBase, roles: Sequence[str]) -> list[str] | None:
    """Return the texts before, between and after marked messages; None if the template does not take or show such messages."""
    marks = [f"{_MARKS[role]}{number}X" for number, role in enumerate(roles)]
    try:
        rest = render(tokenizer, [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)])
    except (jinja2.TemplateError, ValueError):
        return None
    found: list[str] = []
    for mark in marks:
        before, seen, rest = rest.partition(mark)
        if not seen:
            return None
        found.append(before)
    return [*found, rest]


def render(tokenizer: PreTrainedTokenizerBase, messages: Messages) -> str:
    """Render a prompt as it was trained on."""
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True, enable_thinking=False)
    return str(text)


def probe_chats(*, with_system: bool) -> list[list[dict[str, str]]]:
    """Return conversations of one to three turns, without and with a system message."""
    chats = []
    for turns in (1, 3, 5):
        said = [{"role": role, "content": f"{_TEXTS[role]} ({number})"} for number, role in enumerate(_TURNS[:turns])]
        chats += [said, [{"role": "system", "content": _TEXTS["system"]}, *said]] if with_system else [said]
    return chats


def check_pieces(pieces: Pieces, tokenizer: PreTrainedTokenizerBase, chats: Iterable[Messages]) -> None:
    """Compare Ollama's prompt with the trained one on every chat.

    Raises:
        InputError: one is read as other tokens.
    """
    begin = [tokenizer.bos_token_id] if begins(tokenizer) else []
    for chat in chats:
        theirs = [*begin, *_encode(tokenizer, pieces.render(chat))]
        if theirs != _encode(tokenizer, render(tokenizer, chat)):
            said = " ".join(chat[-1]["content"].split())[:60]
            raise InputError(f"no Modelfile: its prompt of {said!r} is not the one that was trained on, which depends on what is said")


def _encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class Served:
    """How answers are made as in the evaluation: the end tokens, the context, and the tokens of the longest answer."""

    stops: Sequence[str]
    context: int
    most: int


def write_modelfile(path: Path, *, gguf: str, pieces: Pieces, served: Served) -> None:
    """Write the Modelfile beside the GGUF file, with the settings of the evaluation: greedy, no penalty, answers as long at most."""
    note = "" if pieces.system else "# The model's chat template takes no system message: Ollama leaves it out.\n"
    stops = "".join(f'PARAMETER stop "{stop}"\n' for stop in served.stops)
    path.write_text(
        f"# ollama create NAME -f {path.name}; ollama run NAME\n{note}"
        f'FROM ./{gguf}\nTEMPLATE """{pieces.go_template()}"""\n{stops}'
        "PARAMETER temperature 0\nPARAMETER repeat_penalty 1\n"
        f"PARAMETER num_ctx {served.context}\nPARAMETER num_predict {served.most}\n",
        encoding="utf-8",
    )
