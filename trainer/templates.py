"""How a pair becomes text: the model's own chat template, or Alpaca's for a model without one.

Both are Jinja chat templates, and the one that was trained with is saved with the tuned model: training, evaluation and
every later reader of the folder render the same prompt. The earlier turns of a conversation are part of the prompt, each as
the template writes it, with Alpaca's preamble once at the beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from transformers import PreTrainedTokenizerBase

from schemas.errors import InputError
from schemas.records import Pair, Turn

TemplateName = Literal["chat", "alpaca"]
Question = tuple[str, str] | tuple[str, str, Sequence[Turn]]  # instruction, input, and the turns before it

_INPUT = "\n\n### Input:\n"
# The two prompts of Stanford Alpaca (tatsu-lab/stanford_alpaca, train.py), which one is used depending on the input; later
# turns of a conversation go on without a preamble of their own.
ALPACA = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% else %}{% if not loop.first %}{% elif '\\n\\n### Input:\\n' in message['content'] %}"
    "{{ 'Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.' }}"
    "{% else %}{{ 'Below is an instruction that describes a task. Write a response that appropriately completes the request.' }}{% endif %}"
    "{{ '\\n\\n### Instruction:\\n' + message['content'] + '\\n\\n### Response:\\n' }}{% endif %}{% endfor %}"
)
_PROBE_QUESTION, _PROBE_ANSWER = "QUESTION", "ANSWER"


@dataclass(frozen=True)
class Template:
    """A tokenizer with its chat template: renders prompts and completions as token ids."""

    tokenizer: PreTrainedTokenizerBase
    name: TemplateName

    def prompt_text(self, instruction: str, input: str = "", history: Sequence[Turn] = ()) -> str:
        """Render the conversation up to where the response begins."""
        said = [{"role": turn.role, "content": turn.content.strip()} for turn in history]
        return self._render([*said, {"role": "user", "content": self._content(instruction, input)}])

    def prompts(self, questions: Sequence[Question]) -> list[list[int]]:
        """Tokenize the prompts of (instruction, input, history) exactly as they are read when answering."""
        return self.encode([self.prompt_text(asked[0], asked[1], asked[2] if len(asked) == 3 else ()) for asked in questions])

    def pair_prompts(self, pairs: Sequence[Pair], instructions: Sequence[str] | None = None) -> list[list[int]]:
        """Tokenize the prompts of pairs, with other wordings of their instructions if given."""
        asked = instructions if instructions is not None else [pair.instruction for pair in pairs]
        return self.prompts([(question, pair.input, pair.history) for question, pair in zip(asked, pairs, strict=True)])

    def completions(self, outputs: Sequence[str]) -> list[list[int]]:
        """Tokenize responses apart from their prompts, so that no token spans the border; each ends with the end token."""
        return [[*self._lead, *ids, self.end] for ids in self.encode([output.strip() for output in outputs])]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokenize without adding tokens: the template holds every special token itself."""
        return self.tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []  # pyright: ignore[reportReturnType]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return an answer's text, without control tokens."""
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True)).strip()

    @cached_property
    def end(self) -> int:
        """Id of the token that ends a response: the template's own end of turn if it is one token, else the end of text."""
        after = self.encode([self._after_prompt.partition(_PROBE_ANSWER)[2]])[0]
        if after and after[0] in self.tokenizer.added_tokens_decoder:
            return after[0]
        return int(self.tokenizer.convert_tokens_to_ids(self.tokenizer.eos_token))  # pyright: ignore[reportArgumentType]

    @cached_property
    def control_tokens(self) -> frozenset[str]:
        """Texts that the tokenizer reads as control tokens wherever they stand."""
        added = (str(token) for token in self.tokenizer.added_tokens_decoder.values() if token.special)
        return frozenset({*added, *self.tokenizer.all_special_tokens})

    @cached_property
    def _lead(self) -> list[int]:
        """Tokens that the template puts between the prompt and the response, such as an empty thinking block."""
        return self.encode([self._after_prompt.partition(_PROBE_ANSWER)[0]])[0]

    @cached_property
    def _after_prompt(self) -> str:
        question = {"role": "user", "content": _PROBE_QUESTION}
        prompt = self._render([question])
        whole = self._render([question, {"role": "assistant", "content": _PROBE_ANSWER}], prompt=False)
        return whole[len(prompt) :] if whole.startswith(prompt) else _PROBE_ANSWER + whole.rpartition(_PROBE_ANSWER)[2]

    def _content(self, instruction: str, input: str) -> str:
        if not input.strip():
            return instruction.strip()
        return instruction.strip() + (_INPUT if self.name == "alpaca" else "\n\n") + input.strip()

    def _render(self, messages: list[dict[str, str]], *, prompt: bool = True) -> str:
        # A thinking template would open a thinking block that our pairs do not have; other templates ignore the key.
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt, enable_thinking=False)
        return str(text)


def choose_template(tokenizer: PreTrainedTokenizerBase, wanted: Literal["auto", "chat", "alpaca"] = "auto") -> Template:
    """Choose the template, and give it to the tokenizer so that it is saved with the model.

    Raises:
        InputError: the model has no chat template but one is asked for, or has no end token.
    """
    if tokenizer.eos_token_id is None:
        raise InputError("the model's tokenizer has no end token, so its answers could never stop; choose another train.base")
    if wanted == "chat" and not tokenizer.chat_template:
        raise InputError("the model has no chat template; set train.template to auto or alpaca")
    if wanted == "alpaca" or not tokenizer.chat_template:
        tokenizer.chat_template = _beginning(tokenizer) + ALPACA
    alpaca = isinstance(tokenizer.chat_template, str) and tokenizer.chat_template.endswith(ALPACA)
    return Template(tokenizer, "alpaca" if alpaca else "chat")


def _beginning(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the template's text for the begin token if this tokenizer puts one before plain text."""
    ids = tokenizer("a")["input_ids"]
    begins = tokenizer.bos_token_id is not None and isinstance(ids, list) and ids[:1] == [tokenizer.bos_token_id]
    return "{{ bos_token }}" if begins else ""
