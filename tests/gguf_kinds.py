"""Tiny models of every architecture and tokenizers of every kind that are written as GGUF, and a server to ask them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen3Config

from builder.served_gguf import server
from trainer.export.gguf_file import Tuned, write_gguf
from trainer.export.gguf_vocabulary import LLAMA3_SPLIT
from trainer.export.proof import PROBES, Ask
from trainer.generate import generate

TEXTS = [
    *PROBES,
    "The warranty of the lathe covers 24 months; it's 12 for the drill, and they'll repair it for 1,299 euros.",
    "Straße, Müller, señor, déjà vu; Привет мир; καλημέρα; 你好世界 東京 2024; مرحبا; नमस्ते; สวัสดี; 안녕하세요",
]
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SHAPE = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 256, "initializer_range": 0.3,
}  # fmt: skip
LLAMA3_ROPE = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}  # fmt: skip
MODELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "llama, tied": (LlamaConfig, {"tie_word_embeddings": True}),
    "llama with biases, wide heads": (LlamaConfig, {"attention_bias": True, "mlp_bias": True, "head_dim": 32}),
    "llama 3.1": (LlamaConfig, {"rope_parameters": LLAMA3_ROPE}),
    "llama, stretched": (LlamaConfig, {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}}),
    "mistral": (MistralConfig, {"sliding_window": 64}),
    "qwen2": (Qwen2Config, {}),
    "qwen2, tied": (Qwen2Config, {"tie_word_embeddings": True}),
    "qwen3": (Qwen3Config, {"head_dim": 32}),
    "qwen3, yarn": (
        Qwen3Config,
        {
            "head_dim": 32,
            "rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64},
        },
    ),
}


def byte_level(splits: list[Any], *, ignore_merges: bool = False) -> PreTrainedTokenizerFast:
    """Learn a byte-level tokenizer that cuts text in the given ways first."""
    backend = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not splits or isinstance(splits[0], pre_tokenizers.Digits))
    backend.pre_tokenizer = pre_tokenizers.Sequence([*splits, bytes_]) if splits else bytes_
    backend.decoder = decoders.ByteLevel()
    learner = trainers.BpeTrainer(
        vocab_size=420, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator(TEXTS, learner)
    return _wrapped(backend)


def sentencepiece(*, space_prefix: bool) -> PreTrainedTokenizerFast:
    """Learn a tokenizer as Llama 2 has it: words with a mark for the space before, and bytes for what is not known."""
    backend = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    mark = [normalizers.Replace(" ", "▁")]
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), *mark] if space_prefix else mark)
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    learner = trainers.BpeTrainer(vocab_size=500, special_tokens=["<unk>", "<s>", "</s>", *SPECIAL, *pieces], show_progress=False)
    backend.train_from_iterator([word for text in TEXTS[-2:] for word in text.split()], learner)
    return _wrapped(backend, bos_token="<s>", unk_token="<unk>")


def _wrapped(backend: Tokenizer, **special: str) -> PreTrainedTokenizerFast:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>", extra_special_tokens=["<|im_start|>"], **special
    )
    tokenizer.chat_template = CHATML
    return tokenizer


def llama3_split(pattern: str = LLAMA3_SPLIT) -> list[Any]:
    return [pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False)]


TOKENIZERS: dict[str, Any] = {
    "gpt-2": lambda: byte_level([]),
    "smollm": lambda: byte_level([pre_tokenizers.Digits(individual_digits=True)]),
    "llama-bpe": lambda: byte_level(llama3_split(), ignore_merges=True),
    "qwen2": lambda: byte_level(llama3_split(LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}"))),
}


def saved_model(folder: Path, config: Any, tokenizer: PreTrainedTokenizerFast, changes: dict[str, Any]) -> Any:
    """Save a model whose answers are not a matter of the last bit: large random weights that float16 holds exactly."""
    torch.manual_seed(0)
    shaped = config(**{
        **SHAPE, "vocab_size": len(tokenizer) + 3, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None, "pad_token_id": None, **changes,
    })  # fmt: skip
    model = AutoModelForCausalLM.from_config(shaped, dtype=torch.float32).eval()
    for name, weight in model.named_parameters():
        drawn = torch.randn_like(weight) * 0.1 if name.endswith("bias") or "norm" in name else weight
        weight.data = (drawn + ("norm" in name)).half().float()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


@contextmanager
def served(folder: Path, tokenizer: PreTrainedTokenizerFast, form: Any = "f16") -> Iterator[Ask]:
    """Write a model as GGUF and serve it."""
    tuned = Tuned(folder, "tiny", tokenizer, (int(tokenizer.eos_token_id),))
    with server(write_gguf(tuned, folder / f"tiny-{form}.gguf", form), most=32) as ask:
        yield ask


def answers(model: Any, prompts: list[list[int]], *, ends: frozenset[int]) -> list[list[int]]:
    """Answer greedily with transformers' model."""
    return [given.tokens for given in generate(model, prompts, ends=ends, max_new_tokens=12, batch_size=1)]


def served_answers(ask: Ask, prompts: list[list[int]]) -> list[list[int]]:
    """Answer greedily with the file."""
    asked = [{"prompt": prompt, "n_predict": 12, "temperature": 0, "return_tokens": True, "cache_prompt": False} for prompt in prompts]
    return [ask("/completion", one)["tokens"] for one in asked]
