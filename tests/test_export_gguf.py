"""GGUF files: every architecture and tokenizer that is written answers and reads in llama.cpp as in transformers; others are refused."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from transformers import GPTNeoXConfig, LlamaConfig

from builder.served_gguf import convert, held, server, write_proved
from schemas.errors import InputError
from tests.gguf_kinds import CHATML, MODELS, TEXTS, TOKENIZERS, saved_model, sentencepiece, served
from tests.tiny_models import saved, thinking_tokenizer, tiny_model
from trainer.export.gguf_file import Tuned, problem_of, write_gguf
from trainer.export.proof import PROBES, Item, below, prove, tokens_of
from trainer.export.served_template import for_llama_cpp
from trainer.generate import generate
from trainer.templates import choose_template

F16 = 0.05  # how far log probabilities may lie apart


@pytest.fixture(scope="module")
def tokenizer():
    return TOKENIZERS["smollm"]()


def log_probabilities(ask, prompt: list[int]) -> dict[int, float]:
    """Ask for the likeliest next tokens; none if the end token is the first."""
    reply = ask("/completion", {"prompt": prompt, "n_predict": 1, "temperature": 0, "n_probs": 8, "cache_prompt": False})
    return {one["id"]: one["logprob"] for found in reply.get("completion_probabilities", [])[:1] for one in found["top_logprobs"]}


@pytest.mark.parametrize("kind", MODELS)
def test_every_architecture_says_the_same_of_the_next_token_as_transformers(kind: str, tokenizer, tmp_path: Path):
    config, changes = MODELS[kind]
    model = saved_model(tmp_path, config, tokenizer, changes)
    texts = tokenizer(TEXTS, add_special_tokens=False)["input_ids"]
    prompts = [[*first, *second][:50] for first, second in pairwise(texts[:5])]
    prompts += [] if kind == "mistral" else [(texts[0] * 10)[:200]]

    with served(tmp_path, tokenizer) as ask:
        theirs = [log_probabilities(ask, prompt) for prompt in prompts]

    assert sum(map(bool, theirs)) >= 2
    for prompt, found in zip(prompts, theirs, strict=True):
        ours = model(torch.tensor([prompt])).logits[0, -1].log_softmax(-1).detach()
        assert all(abs(float(ours[token]) - value) < F16 for token, value in found.items())


def test_a_sliding_window_is_the_longest_context(tokenizer, tmp_path: Path):
    saved_model(tmp_path, *(MODELS["mistral"][:1]), tokenizer, MODELS["mistral"][1])

    from gguf import GGUFReader

    path = write_gguf(Tuned(tmp_path, "tiny", tokenizer, (2,)), tmp_path / "tiny.gguf", "f16")

    assert GGUFReader(path).fields["llama.context_length"].contents() == 64


@pytest.mark.parametrize("kind", [*TOKENIZERS, "sentencepiece", "sentencepiece with a space in front"])
def test_every_tokenizer_reads_texts_of_all_scripts_as_the_same_tokens(kind: str, tmp_path: Path):
    own = TOKENIZERS[kind]() if kind in TOKENIZERS else sentencepiece(space_prefix="space" in kind)
    saved_model(tmp_path, LlamaConfig, own, {"num_hidden_layers": 1})
    texts = [*PROBES, *TEXTS, "<|im_start|>user\nHow long?<|im_end|>\n<|im_start|>assistant\n"]

    with served(tmp_path, own) as ask:
        theirs = [tokens_of(ask, text, special=False) for text in texts]

    assert theirs == own(texts, add_special_tokens=False)["input_ids"]


def test_a_tokenizer_that_splits_in_a_way_of_its_own_is_refused(tokenizer, tmp_path: Path):
    saved_model(tmp_path, LlamaConfig, tokenizer, {})
    path = tmp_path / "tokenizer.json"
    described = json.loads(path.read_text())
    described["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "Punctuation"}, {"type": "ByteLevel", "use_regex": True}]}
    path.write_text(json.dumps(described))

    assert "the way this tokenizer splits text is not known here" in problem_of(tmp_path)
    with pytest.raises(InputError, match=r"package\.converter"):
        write_gguf(Tuned(tmp_path, "tiny", tokenizer, (2,)), tmp_path / "tiny.gguf", "f16")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}}, "rotary embedding is scaled by dynamic"),
        ({"hidden_act": "gelu"}, "its activation is gelu"),
    ],
)
def test_what_llama_cpp_would_compute_otherwise_is_refused(changes: dict, problem: str, tokenizer, tmp_path: Path):
    saved_model(tmp_path, LlamaConfig, tokenizer, changes)

    assert problem in problem_of(tmp_path)


def test_another_architecture_is_refused_with_those_that_are_written(tokenizer, tmp_path: Path):
    saved(tmp_path, "gpt_neox", tokenizer)

    assert problem_of(tmp_path).startswith("GPTNeoXForCausalLM is not one of LlamaForCausalLM")
    assert GPTNeoXConfig().model_type == "gpt_neox"


def test_generation_marks_leave_the_template_and_nothing_else_does(tokenizer):
    marked = CHATML.replace("{{ '<|im_start|>' + m.role", "  {%- generation -%}  {{ '<|im_start|>' + m.role").replace(
        "{% endfor %}", "  {%- endgeneration %}{% endfor %}"
    )
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]

    plain = for_llama_cpp(marked)

    assert "generation" not in plain.replace("add_generation_prompt", "")
    shown = [tokenizer.apply_chat_template(messages, chat_template=text, tokenize=False) for text in (marked, plain)]
    assert shown[0] == shown[1]


def test_llama_cpp_writes_the_day_of_the_training_too(tmp_path: Path):
    own = TOKENIZERS["smollm"]()
    own.chat_template = "{{ 'Today is ' + strftime_now('%d %B') + '. ' }}" + CHATML
    template = choose_template(own)
    saved_model(tmp_path, LlamaConfig, own, {"num_hidden_layers": 1})

    with served(tmp_path, own) as ask:
        said = ask("/apply-template", {"messages": [{"role": "user", "content": "Why?"}]})["prompt"]

    assert said == template.prompt_text("Why?")
    assert said.startswith("Today is 26 July. ")


@pytest.fixture(scope="module")
def thinking(tmp_path_factory):
    """A model whose template opens a thought unless told otherwise, with held-out questions and its answers."""
    folder = tmp_path_factory.mktemp("thinking")
    own = thinking_tokenizer()
    template = choose_template(own)
    saved(folder, "qwen3", own)
    asked = [("How long is the warranty of the lathe?", ""), ("Tell me.", "The drill."), ("Who?", "")]
    model = tiny_model("qwen3", own)
    given = generate(model, template.prompts(asked), ends=frozenset([template.end]), max_new_tokens=6)
    rows = [
        {"question": question, "input": said, "history": [], "answers": {"tuned": template.decode(one.tokens)}, "reference": "12 months"}
        for (question, said), one in zip(asked, given, strict=True)
    ]
    return Tuned(folder, "tiny", own, (template.end,)), template, rows


def test_a_file_is_proved_on_the_held_out_questions(thinking, tmp_path: Path):
    tuned, template, rows = thinking
    counted: list[int] = []

    figures = write_proved(
        tuned, tmp_path / "a.gguf", "f16", template=template, proved_on=held(rows, template, most=6), converter=None, told=counted.append
    )

    assert figures["prompts_equal"] == 1
    assert figures["n"] == len(rows) == counted[-1]
    assert figures["bytes"] == (tmp_path / "a.gguf").stat().st_size
    assert figures["likeness"] > 0.8


def test_a_file_whose_prompts_are_others_is_refused_and_does_not_stay(thinking, tmp_path: Path):
    tuned, template, rows = thinking
    proved_on = held(rows, template, most=6)
    proved_on.items[1].messages[0]["content"] += "?"

    with pytest.raises(InputError, match="the chat template is at fault"):
        write_proved(tuned, tmp_path / "a.gguf", "f16", template=template, proved_on=proved_on, converter=None, told=print)

    assert not (tmp_path / "a.gguf").exists()


def test_a_file_that_answers_as_another_model_is_refused(thinking, tmp_path: Path):
    tuned, template, rows = thinking
    items = [Item(one.messages, one.prompt, "an answer of another model", "x") for one in held(rows, template, most=6).items]

    with server(write_gguf(tuned, tmp_path / "a.gguf", "f16"), most=6) as ask, pytest.raises(InputError, match="it is another model"):
        prove(ask, items, template, most=6, progress=print)


def test_fewer_equal_answers_than_expected_are_told():
    assert below("a.gguf", {"answers_equal": 0.97, "expected": 0.98, "right": 9, "right_kept": 9}).startswith(
        "a.gguf gives the saved model's"
    )
    assert not below("a.gguf", {"answers_equal": 0.98, "expected": 0.98, "right": 9, "right_kept": 9})


CONVERTER = """
import pathlib, sys
model, _, target, _, form = sys.argv[1:]
template = (pathlib.Path(model) / "chat_template.jinja").read_text()
assert "generation" not in template.replace("add_generation_prompt", ""), template
print("no such tensor", file=sys.stderr)
pathlib.Path(target).write_text(form) if {good} else sys.exit(3)
"""


def test_a_converter_of_the_user_writes_what_is_not_written_here(tokenizer, tmp_path: Path):
    saved_model(tmp_path / "m", LlamaConfig, tokenizer, {})
    (tmp_path / "m" / "chat_template.jinja").write_text("{% generation %}" + CHATML + "{% endgeneration %}")
    script = tmp_path / "convert.py"

    script.write_text(CONVERTER.format(good=True))
    convert(tmp_path / "m", tmp_path / "a.gguf", "q8_0", script)
    script.write_text(CONVERTER.format(good=False))

    assert (tmp_path / "a.gguf").read_text() == "q8_0"
    assert "{% generation %}" in (tmp_path / "m" / "chat_template.jinja").read_text()
    with pytest.raises(InputError, match=r"convert\.py ended with exit code 3: no such tensor"):
        convert(tmp_path / "m", tmp_path / "b.gguf", "f16", script)
    with pytest.raises(InputError, match="no such file"):
        convert(tmp_path / "m", tmp_path / "b.gguf", "f16", tmp_path / "none.py")
    assert sys.executable
