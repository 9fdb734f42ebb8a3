"""How a pair becomes text: the model's own chat template, Alpaca's, plain questions and answers, or a Jinja file.

All are Jinja chat templates, run in transformers' sandbox, and the one that was trained with is saved with the tuned model:
training, evaluation and every later reader of the folder render the same prompt. The earlier turns of a conversation are part
of the prompt, each as the template writes it. Where the response begins is found by rendering the prompt alone and with its
response: no marker in the template is looked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from schemas.errors import InputError
from schemas.records import Pair, Turn
from schemas.training import TEMPLATE_FILES
from trainer.template_texts import (
    INPUT_HEADING,
    OWN,
    TEMPLATE_ERRORS,
    TemplateName,
    beginning,
    file_text,
    in_one_line,
    model_text,
    name_of,
    system_of,
    write_in,
)

Question = tuple[str, str] | tuple[str, str, Sequence[Turn]]  # instruction, input, and the turns before it
PROBE_QUESTION, PROBE_ANSWER = "QUESTION", "ANSWER"
_THOUGHT, _THOUGHT_END = "<think>\n", "\n</think>\n\n"
_END_MARKER = re.compile(r"<[|｜][^<>\s]+[|｜]>|<end[^<>\s]*>|</s>")


@dataclass(frozen=True)
class Template:
    """A tokenizer with its chat template: renders prompts and completions as token ids."""

    tokenizer: PreTrainedTokenizerBase
    name: TemplateName
    source: str = "the model's chat template"

    def prompt_text(self, instruction: str, input: str = "", history: Sequence[Turn] = ()) -> str:
        """Render the conversation up to where the response begins."""
        return self._render(self.messages(instruction, input, history))

    def whole_text(self, pair: Pair) -> str:
        """Render the conversation with its response, as a later turn would see it."""
        answer = {"role": "assistant", "content": pair.output.strip()}
        return self._render([*self.messages(pair.instruction, pair.input, pair.history), answer], prompt=False)

    def messages(self, instruction: str, input: str = "", history: Sequence[Turn] = ()) -> list[dict[str, str]]:
        """Return the conversation up to its last question as the template is given it."""
        said = [{"role": turn.role, "content": turn.content.strip()} for turn in history]
        return [*said, {"role": "user", "content": self._content(instruction, input)}]

    def prompts(self, questions: Sequence[Question]) -> list[list[int]]:
        """Tokenize the prompts of (instruction, input, history) exactly as they are read when answering."""
        return self.encode([self.prompt_text(asked[0], asked[1], asked[2] if len(asked) == 3 else ()) for asked in questions])

    def pair_prompts(self, pairs: Sequence[Pair], instructions: Sequence[str] | None = None) -> list[list[int]]:
        """Tokenize the prompts of pairs, with other wordings of their instructions if given."""
        asked = instructions if instructions is not None else [pair.instruction for pair in pairs]
        return self.prompts([(question, pair.input, pair.history) for question, pair in zip(asked, pairs, strict=True)])

    def completions(self, outputs: Sequence[str]) -> list[list[int]]:
        """Tokenize responses as they stand after a prompt, but so that no token spans the border; each ends with the end token."""
        prompt, lead = self._tail, self.lead
        before = self.encode([prompt])[0]
        texts = [output.strip() for output in outputs]
        after = [
            ids[len(before) :] if ids[: len(before)] == before else None for ids in self.encode([prompt + lead + text for text in texts])
        ]
        apart = self.encode([lead])[0] if lead else []
        return [
            [*(ids if ids is not None else [*apart, *self.encode([text])[0]]), self.end] for ids, text in zip(after, texts, strict=True)
        ]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokenize without adding tokens: the template holds every special token itself."""
        return self.tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []  # pyright: ignore[reportReturnType]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return an answer's text, without control tokens and without what the template puts before every answer."""
        text = str(self.tokenizer.decode(list(tokens), skip_special_tokens=True)).strip()
        return text.removeprefix(self._lead_shown).strip()

    @property
    def system(self) -> str | None:
        """The system turn that is written into the template."""
        return system_of(model_text(self.tokenizer))

    @cached_property
    def end(self) -> int:
        """Id of the token that ends a response: the template's own end of turn if it is one token, else the end of text."""
        after = self.encode([self.closing])[0]
        if after and after[0] in self.tokenizer.added_tokens_decoder:
            return after[0]
        return int(self.tokenizer.convert_tokens_to_ids(self.tokenizer.eos_token))  # pyright: ignore[reportArgumentType]

    @cached_property
    def control_tokens(self) -> frozenset[str]:
        """Texts that the tokenizer reads as control tokens wherever they stand: its special ones, and the template's own markers."""
        tokens = self.tokenizer.added_tokens_decoder.values()
        shown = model_text(self.tokenizer)
        marked = (str(token) for token in tokens if token.special or (is_marker(str(token)) and str(token) in shown))
        return frozenset({*marked, *self.tokenizer.all_special_tokens})

    @cached_property
    def lead(self) -> str:
        """What the template puts between the prompt and the response, such as an empty thinking block; it is trained."""
        return self._after_prompt.partition(PROBE_ANSWER)[0]

    @cached_property
    def closing(self) -> str:
        """What the template puts after the response."""
        return self._after_prompt.rpartition(PROBE_ANSWER)[2]

    @cached_property
    def _lead_shown(self) -> str:
        return str(self.tokenizer.decode(self.encode([self.lead])[0], skip_special_tokens=True)).strip() if self.lead else ""

    @cached_property
    def _tail(self) -> str:
        """What the template puts after the question, up to where the response begins."""
        return self._render([{"role": "user", "content": PROBE_QUESTION}]).rpartition(PROBE_QUESTION)[2]

    @cached_property
    def _after_prompt(self) -> str:
        question = {"role": "user", "content": PROBE_QUESTION}
        prompt = self._render([question])
        whole = self._render([question, {"role": "assistant", "content": PROBE_ANSWER}], prompt=False)
        after = after_prompt(prompt, whole)
        if after is None or after.count(PROBE_ANSWER) != 1:
            raise InputError(
                f"{self.source} writes a question otherwise when its answer follows, so nobody can tell where the answer begins; "
                f"{_elsewhere(prompt, whole)}; set train.template to alpaca, plain or a Jinja file of your own"
            )
        return after

    def _content(self, instruction: str, input: str) -> str:
        if not input.strip():
            return instruction.strip()
        heading = f"\n\n{INPUT_HEADING}\n" if INPUT_HEADING in model_text(self.tokenizer) else "\n\n"
        return instruction.strip() + heading + input.strip()

    def _render(self, messages: list[dict[str, str]], *, prompt: bool = True) -> str:
        # A thinking template would open a thinking block that our pairs do not have; other templates ignore the key.
        try:
            text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt, enable_thinking=False)
        except TEMPLATE_ERRORS as error:
            system = "; leave train.system empty if it takes no system turn" if self.system else ""
            raise InputError(f"{in_one_line(error, self.source)}{system}; correct it, or set train.template to alpaca or plain") from error
        return str(text)


def choose_template(tokenizer: PreTrainedTokenizerBase, wanted: str = "auto", *, system: str | None = None) -> Template:
    """Choose the template, and give it to the tokenizer so that it is saved with the model.

    Args:
        tokenizer: a model's; its chat template is replaced.
        wanted: auto (the model's own if it has one, else alpaca), chat, alpaca, plain, or the path of a Jinja file.
        system: the system turn of every conversation that has none; None keeps the one of an earlier training.

    Raises:
        InputError: the model has no chat template but one is asked for, it has no end token, or the template is unfit.
    """
    if tokenizer.eos_token_id is None:
        raise InputError("the model's tokenizer has no end token, so its answers could never stop; choose another train.base")
    text = model_text(tokenizer)
    if wanted == "chat" and not text:
        raise InputError("the model has no chat template; set train.template to auto, alpaca or plain")
    name, source = name_of(text), "the model's chat template"
    if wanted.endswith(TEMPLATE_FILES):
        text, name, source = file_text(Path(wanted)), "custom", f"train.template: {wanted}"
    elif wanted in OWN or not text:
        name = "plain" if wanted == "plain" else "alpaca"
        text = text if name_of(text) == name else beginning(tokenizer) + OWN[name]
    tokenizer.chat_template = write_in(text, system)
    template = Template(tokenizer, name, source)
    _check(template)
    return template


def _check(template: Template) -> None:
    """Refuse a template that leaves out the question, repeats it, begins twice, or ends an answer with what is no token."""
    prompt = template.prompt_text(PROBE_QUESTION)
    if (times := prompt.count(PROBE_QUESTION)) != 1:
        raise InputError(f"{template.source} writes the question {times} times into the prompt; correct it, or take another train.template")
    begin, ids = template.tokenizer.bos_token_id, template.encode([prompt])[0]
    if begin is not None and ids[:2] == [begin, begin]:  # P15
        raise InputError(f"{template.source} begins with two begin tokens ({template.tokenizer.bos_token}); it must write one")
    if template.system and template.system not in prompt:
        raise InputError(f"{template.source} leaves out the system turn; leave train.system empty, or take another train.template")
    closing = _END_MARKER.match(template.closing.strip())
    if closing and len(template.encode([closing[0]])[0]) > 1:  # P44
        raise InputError(
            f"{template.source} ends an answer with {closing[0]}, which is no token of this tokenizer, so answers would not stop; "
            "add it to the tokenizer and resize the model, or set train.template to alpaca or plain"
        )


def after_prompt(prompt: str, whole: str) -> str | None:
    """Return what follows the prompt when its answer is rendered too; None where the two renderings differ before.

    A prompt that opens a thought which no finished answer has (DeepSeek-R1's) gets it closed, empty, by the answer.
    """
    if whole.startswith(prompt):
        return whole[len(prompt) :]
    opened = prompt.removesuffix(_THOUGHT)
    return _THOUGHT_END + whole[len(opened) :] if opened != prompt and whole.startswith(opened) else None


def is_marker(token: str) -> bool:
    """Tell whether a text looks like a marker: in angle or square brackets."""
    return len(token) > 2 and token[0] in "<[" and token[-1] in ">]"


def _elsewhere(prompt: str, whole: str) -> str:
    """Show where two renderings part."""
    same = next(
        (place for place, (one, other) in enumerate(zip(prompt, whole, strict=False)) if one != other), min(len(prompt), len(whole))
    )
    return f"the prompt alone goes on with {prompt[same : same + 30]!r}, with an answer it is {whole[same : same + 30]!r}"
