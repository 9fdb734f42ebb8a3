"""The Jinja texts of the templates that are not a model's own, and what is written into every template that is saved.

The tuned model's folder holds the template that was trained with, and everything that decided its prompts is in that text:
the system turn, the day, and that no thinking is asked for. Whoever serves the folder renders the prompts of the training.
"""

import json
import re
from datetime import date
from pathlib import Path
from typing import Literal

import jinja2
from transformers import PreTrainedTokenizerBase

from schemas.errors import InputError

TemplateName = Literal["chat", "alpaca", "plain", "custom"]

INPUT_HEADING = "### Input:"
# The two prompts of Stanford Alpaca (tatsu-lab/stanford_alpaca, train.py), which one is used depending on the input; later
# turns of a conversation go on without a preamble of their own, and a system turn stands in its place.
ALPACA = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% elif message['role'] == 'system' %}{{ message['content'] }}"
    "{% else %}{% if not loop.first %}{% elif '\\n\\n### Input:\\n' in message['content'] %}"
    "{{ 'Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.' }}"
    "{% else %}{{ 'Below is an instruction that describes a task. Write a response that appropriately completes the request.' }}{% endif %}"
    "{{ '\\n\\n### Instruction:\\n' + message['content'] + '\\n\\n### Response:\\n' }}{% endif %}{% endfor %}"
)
# The answer begins on a line of its own, where hardly any tokenizer joins it with what stands before.
PLAIN = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% elif message['role'] == 'system' %}{{ message['content'] }}"
    "{% else %}{{ ('' if loop.first else '\\n\\n') + 'Question:\\n' + message['content'] + '\\n\\nAnswer:\\n' }}{% endif %}{% endfor %}"
)
OWN = {"alpaca": ALPACA, "plain": PLAIN}

_NO_THINKING = "{%- set enable_thinking = false %}"
# Today's date would make the prompts of tomorrow others than those of the training: the day is the one that Llama's own templates
# write where they know no other, in every form that a template asks for.
_DAY = date(2024, 7, 26)
_DATED = re.compile(r"strftime_now\(\s*(?:'([^']*)'|\"([^\"]*)\")")
_DATE_FROM, _DATE_TO = "{%- macro strftime_now(format) %}{{ ", f".get(format, '{_DAY.isoformat()}') }}}}{{%- endmacro %}}"
_DATE = re.compile(re.escape(_DATE_FROM) + r"\{.*?\}" + re.escape(_DATE_TO))
_SYSTEM_FROM = "{%- if not messages or messages[0]['role'] != 'system' %}{%- set messages = [{'role': 'system', 'content': "
_SYSTEM_TO = "}] + messages %}{%- endif %}"
_SYSTEM = re.compile(re.escape(_SYSTEM_FROM) + r'("(?:[^"\\]|\\.)*")' + re.escape(_SYSTEM_TO))


def model_text(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the model's chat template, the default one of several; empty if it has none."""
    text = tokenizer.chat_template
    if isinstance(text, dict):
        text = text.get("default", "")
    return text or ""


def file_text(path: Path) -> str:
    """Return a custom template.

    Raises:
        InputError: there is no such file, or it is no Jinja template; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"train.template: {path}: cannot be read ({error}); give the path of a Jinja file") from None
    if not text.strip():
        raise InputError(f"train.template: {path}: is empty; see the chat templates of other models for what it should hold")
    return text


def write_in(text: str, system: str | None) -> str:
    """Return a template with what this training decided: no thinking, a fixed day, and the system turn (None: the one written in)."""
    earlier, bare = system_of(text), _bare(text)
    system = earlier if system is None else system
    thinking = _NO_THINKING if "enable_thinking" in bare else ""
    written = f"{_SYSTEM_FROM}{json.dumps(system, ensure_ascii=False)}{_SYSTEM_TO}" if system else ""
    return thinking + _fixed_day(bare) + written + bare


def system_of(text: str) -> str | None:
    """Return the system turn that was written into a template, if there is one."""
    found = _SYSTEM.search(text)
    return json.loads(found[1]) if found else None


def _fixed_day(text: str) -> str:
    """Return what gives a template the fixed day wherever it asks for today's, in the forms that it asks for."""
    forms = sorted({single or double for single, double in _DATED.findall(text)})
    days = {form: _DAY.strftime(form) for form in forms}
    return f"{_DATE_FROM}{json.dumps(days)}{_DATE_TO}" if "strftime_now" in text else ""


def _bare(text: str) -> str:
    return _SYSTEM.sub("", _DATE.sub("", text.removeprefix(_NO_THINKING), count=1), count=1)


def name_of(text: str) -> TemplateName:
    """Return the name of a template that a tokenizer holds: one of ours, or chat."""
    return next((name for name, own in OWN.items() if text.endswith(own)), "chat")  # pyright: ignore[reportReturnType]


def beginning(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the template's text for the begin token if this tokenizer puts one before plain text."""
    ids = tokenizer("a")["input_ids"]
    begins = tokenizer.bos_token_id is not None and isinstance(ids, list) and ids[:1] == [tokenizer.bos_token_id]
    return "{{ bos_token }}" if begins else ""


def in_one_line(error: Exception, name: str) -> str:
    """Say what is wrong with a template, and in which line of it."""
    line = getattr(error, "lineno", None) or _line(error)
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"{name}{f', line {line}' if line else ''}: {reason}"


def _line(error: Exception) -> int | None:
    """Return the line of the template that was at work: jinja2 puts it into the traceback."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in ("<template>", "<unknown>"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


TEMPLATE_ERRORS = (jinja2.TemplateError, TypeError, ValueError, KeyError, AttributeError, ArithmeticError, RecursionError)
