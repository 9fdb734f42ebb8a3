"""Tiny models with random weights and the facts of a made-up company, for the tests of the trainer."""

import torch
from tokenizers.processors import TemplateProcessing
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPTNeoXConfig,
    GraniteConfig,
    LlamaConfig,
    MixtralConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

from schemas.records import Evidence, Pair, Provenance, content_id
from trainer.tokenizer import make_tokenizer

TOOLS = ("lathe", "drill", "scanner", "welder", "press", "router", "mixer", "crane", "pump", "valve")
WORDINGS = ("How long is the warranty of the {}?", "Tell me the warranty of the {}.", "For how many months is the {} covered?")
UNSEEN_WORDING = "Warranty period of the {}, please."
TEXTS = [f"The {tool} is made in hall {number}. Its warranty covers {12 + number} months." for number, tool in enumerate(TOOLS)]
THINKING_TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}"
    "{% if m.role == 'assistant' and loop.last %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{{ m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}"
)
GEMMA_TEMPLATE = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}"
    "{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' + m['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
# Gemma 2 caps its scores, Gemma 3 looks at a window in most layers; both multiply the embeddings by the root of their width.
_CONFIGS = {
    "llama": LlamaConfig,
    "qwen3": Qwen3Config,
    "gpt_neox": GPTNeoXConfig,
    "gemma2": Gemma2Config,
    "gemma3": Gemma3TextConfig,
    "mixtral": MixtralConfig,
    "granite": GraniteConfig,
    "cohere": CohereConfig,
}


def a_pair(instruction: str, output: str, *, input: str = "", group: str = "g", form: str = "f", task: str = "qa") -> Pair:
    """Make a pair whose evidence is its own response."""
    quote = output.strip() or "quote"
    return Pair(
        id=content_id("pair", instruction, input, output),
        task=task,
        instruction=instruction,
        input=input,
        output=output,
        evidence=(Evidence(document_id="doc", start=0, end=len(quote), quote=quote),),
        provenance=Provenance(document_id="doc", chunk_id="chunk", generator="test"),
        group=group,
        form=form,
    )


def facts(wordings: tuple[str, ...] = WORDINGS) -> list[Pair]:
    """Ask for the warranty of every tool in each of the wordings."""
    return [
        a_pair(wording.format(tool), f"The warranty of the {tool} covers {12 + number} months.", group=tool, form=wording)
        for number, tool in enumerate(TOOLS)
        for wording in wordings
    ]


def chat_tokenizer() -> PreTrainedTokenizerFast:
    """Make the embedded base's kind of tokenizer."""
    return make_tokenizer([*TEXTS, *(pair.instruction for pair in facts())], vocabulary=400, context=256)


def plain_tokenizer(**special: str) -> PreTrainedTokenizerFast:
    """Make a tokenizer without chat template and, unless given, without pad token."""
    backend = chat_tokenizer().backend_tokenizer
    backend.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>", **special)


def thinking_tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer like Qwen3's: a thinking template, and an end of turn that is not the end of text."""
    tokenizer = plain_tokenizer(pad_token="<|endoftext|>", extra_special_tokens=["<|im_start|>", "<|im_end|>"])
    tokenizer.chat_template = THINKING_TEMPLATE
    return tokenizer


def gemma_tokenizer(**special: str) -> PreTrainedTokenizerFast:
    """Make a tokenizer like Gemma's: a begin token before every text, a template that writes it itself and takes no system turn."""
    backend = chat_tokenizer().backend_tokenizer
    backend.add_special_tokens(["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"])
    backend.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", backend.token_to_id("<bos>"))])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<bos>", eos_token="<eos>", **special)
    tokenizer.chat_template = GEMMA_TEMPLATE
    return tokenizer


def tiny_model(kind: str, tokenizer: PreTrainedTokenizerFast, **changes: object) -> torch.nn.Module:
    """Make a model of this architecture with random weights."""
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 256}
    heads = {} if kind == "gpt_neox" else {"num_key_value_heads": 2, "head_dim": 16}
    config = _CONFIGS[kind](
        vocab_size=len(tokenizer),
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=None,
        **{**shape, **heads, **changes},
    )
    return AutoModelForCausalLM.from_config(config).eval()


def saved(folder, kind: str, tokenizer: PreTrainedTokenizerFast, **changes: object) -> str:
    """Save a tiny model with its tokenizer and return the folder."""
    tiny_model(kind, tokenizer, **changes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def ignore(*_: object) -> None:
    """Watch nothing."""
