"""Ollama's prompt is the trained one, token by token, on conversations of every shape; where it cannot be, there is no Modelfile."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from tests import go_template
from tests.tiny_models import chat_tokenizer, plain_tokenizer, thinking_tokenizer
from trainer.export.modelfile import Served, check_pieces, pieces_of, probe_chats, render, write_modelfile
from trainer.templates import choose_template

MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}{% else %}{{ raise_exception('only user and assistant') }}{% endif %}{% endfor %}"
)
DEFAULT_SYSTEM = (
    "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\\nYou are kind.<|im_end|>\\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content | trim + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
ODD_TURNS = (
    "{% for m in messages %}{{ '<|im_start|>' + (loop.index | string) + m.content }}{% if m.role == 'assistant' %}{{ eos_token }}"
    "{% endif %}{% endfor %}"
)


def with_template(tokenizer, text: str | None = None, *, system: str | None = None):
    if text:
        tokenizer.chat_template = text
    choose_template(tokenizer, system=system)
    return tokenizer


TOKENIZERS = {
    "the embedded base's": lambda: with_template(chat_tokenizer()),
    "a thinking one": lambda: with_template(thinking_tokenizer()),
    "alpaca": lambda: with_template(plain_tokenizer()),
    "one that takes no system message": lambda: with_template(plain_tokenizer(bos_token="<|im_start|>"), MISTRAL),
    "one with a system message of its own": lambda: with_template(plain_tokenizer(), DEFAULT_SYSTEM),
    "one with the recipe's system message": lambda: with_template(chat_tokenizer(), system='Say "no" if\nyou must: \\ {{ }}'),
}
turns = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12).map(str.strip).filter(bool)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_the_go_template_renders_what_the_chat_template_does(kind: str, tmp_path: Path):
    tokenizer = TOKENIZERS[kind]()
    pieces = pieces_of(tokenizer)
    chats = probe_chats(with_system=pieces.system is not None)

    check_pieces(pieces, tokenizer, chats)
    write_modelfile(tmp_path / "Modelfile", gguf="a.gguf", pieces=pieces, served=Served(["<|end|>"], 1024, 99))

    template = (tmp_path / "Modelfile").read_text().split('"""')[1]
    assert [go_template.render(template, chat) for chat in chats] == [render(tokenizer, chat) for chat in chats]
    assert len(chats) == (3 if "no system" in kind else 6)


@given(st.lists(turns, min_size=1, max_size=5).filter(lambda said: len(said) % 2 == 1))
def test_whatever_is_said_stands_in_the_prompt_as_it_is(said: list[str]):
    tokenizer = TOKENIZERS["a thinking one"]()
    chat = [{"role": "assistant" if number % 2 else "user", "content": content} for number, content in enumerate(said)]

    assert go_template.render(pieces_of(tokenizer).go_template(), chat) == render(tokenizer, chat)


def test_the_modelfile_has_the_settings_of_the_evaluation(tmp_path: Path):
    tokenizer = TOKENIZERS["one that takes no system message"]()

    write_modelfile(
        tmp_path / "Modelfile", gguf="acme-f16.gguf", pieces=pieces_of(tokenizer), served=Served(["<|im_end|>", "</s>"], 4096, 222)
    )

    text = (tmp_path / "Modelfile").read_text()
    lines = text.splitlines()
    assert "FROM ./acme-f16.gguf" in lines
    assert [line for line in lines if line.startswith("PARAMETER")] == [
        'PARAMETER stop "<|im_end|>"', 'PARAMETER stop "</s>"', "PARAMETER temperature 0", "PARAMETER repeat_penalty 1",
        "PARAMETER num_ctx 4096", "PARAMETER num_predict 222",
    ]  # fmt: skip
    assert "takes no system message" in text


def test_a_begin_token_that_llama_cpp_adds_is_left_out_of_the_template():
    from tokenizers import processors

    tokenizer = plain_tokenizer(bos_token="<|im_start|>")
    begin = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|im_start|> $A", pair="<|im_start|> $A $B", special_tokens=[("<|im_start|>", begin)]
    )
    with_template(tokenizer, MISTRAL)

    pieces = pieces_of(tokenizer)

    assert pieces.start == "[INST] "
    check_pieces(pieces, tokenizer, probe_chats(with_system=False))


def test_a_template_that_looks_at_what_is_said_gets_no_modelfile():
    tokenizer = TOKENIZERS["alpaca"]()
    with_input = [{"role": "user", "content": "Shorten it.\n\n### Input:\nA long text."}]

    with pytest.raises(InputError, match=r"no Modelfile: its prompt of 'Shorten it\. ### Input: A long text\.'"):
        check_pieces(pieces_of(tokenizer), tokenizer, [with_input])


def test_a_template_that_counts_turns_gets_no_modelfile():
    with pytest.raises(InputError, match="no Modelfile: the chat template writes turns differently depending on their place"):
        pieces_of(with_template(plain_tokenizer(), ODD_TURNS))
