"""A saved Llama-shaped model as one GGUF file, tensor by tensor, with the `gguf` package.

Names come from that package's table. What it does not know: llama.cpp turns neighbouring elements of a Llama's queries and keys where
Hugging Face turns halves, so their rows change places (`_interleaved`); Qwen's do not.
"""

import importlib.util
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from transformers import AutoConfig, PreTrainedTokenizerBase

from schemas.errors import InputError, UsageError
from trainer.export.gguf_mix import BLOCK, FINER
from trainer.export.gguf_rope import SCALINGS, llama3_factors
from trainer.export.gguf_vocabulary import described_tokenizer, read_vocabulary, vocabulary_problem
from trainer.export.served_template import for_llama_cpp

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFWriter

Form = Literal["f16", "q8_0"]
ARCHITECTURES = {"LlamaForCausalLM": "llama", "MistralForCausalLM": "llama", "Qwen2ForCausalLM": "qwen2", "Qwen3ForCausalLM": "qwen3"}
_F16_MOST = 65504.0
_ENDS = ("add_eos_token_id", "add_eot_token_id", "add_eom_token_id")  # llama.cpp ends an answer at any of the three


@dataclass(frozen=True)
class Tuned:
    """A model folder opened for export: its config and tokenizer, the tokens that end an answer, and a name for people."""

    folder: Path
    name: str
    tokenizer: PreTrainedTokenizerBase
    ends: tuple[int, ...]


def check_libraries() -> None:
    """Check that GGUF files can be written and proved.

    Raises:
        UsageError: a library is missing; says what to install.
    """
    missing = [name for name in ("gguf", "xllamacpp") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f'package.gguf needs {" and ".join(missing)}, which is not installed; pip install "kilopair[gguf]"')


def problem_of(folder: Path | str) -> str:
    """Say why a model cannot be written as GGUF here, or nothing.

    Raises:
        OSError: there is no such model.
    """
    config = AutoConfig.from_pretrained(folder)
    return _config_problem(config) or (vocabulary_problem(described_tokenizer(Path(folder))) if Path(folder).is_dir() else "")


def _config_problem(config: Any) -> str:
    architecture = next(iter(config.architectures or ()), "unknown")
    if architecture not in ARCHITECTURES:
        return f"{architecture} is not one of {', '.join(ARCHITECTURES)}"
    if config.hidden_act != "silu":
        return f"its activation is {config.hidden_act}, llama.cpp's is silu"
    kind = config.rope_parameters.get("rope_type", "default")
    if kind not in SCALINGS:
        return f"its rotary embedding is scaled by {kind}, only {', '.join(SCALINGS)} are written here"
    return ""


def write_gguf(tuned: Tuned, path: Path, form: Form, *, finer: Container[str] = ()) -> Path:
    """Write the model to `path`: matrices in `form`, those named in `finer` in the next finer one, norms and biases in float32.

    Raises:
        InputError: it is no model that is written here, or a weight does not fit float16.
    """
    from gguf import MODEL_ARCH, GGUFWriter, get_tensor_name_map

    config = AutoConfig.from_pretrained(tuned.folder)
    if problem := _config_problem(config):
        raise InputError(f"no GGUF: {problem}; give llama.cpp's converter as package.converter")
    kind = ARCHITECTURES[next(iter(config.architectures or ()))]
    writer = GGUFWriter(path, kind)
    try:
        _write_head(writer, config, tuned, form)
        names = get_tensor_name_map(MODEL_ARCH[kind.upper()], config.num_hidden_layers)
        arranged = _Arranged(config, kind, form, finer, lambda name: names.get_name(name, try_suffixes=(".weight", ".bias")))
        _write_tensors(writer, tuned.folder, arranged)
    finally:
        writer.close()
    return path


def _write_head(writer: "GGUFWriter", config: Any, tuned: Tuned, form: Form) -> None:
    from gguf import LlamaFileType

    writer.add_name(tuned.name)
    writer.add_file_type(LlamaFileType.MOSTLY_F16 if form == "f16" else LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(2)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(
        min(config.max_position_embeddings, getattr(config, "sliding_window", None) or config.max_position_embeddings)
    )
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(_head_width(config))
    writer.add_value_length(_head_width(config))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(_head_width(config))
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    SCALINGS[config.rope_parameters.get("rope_type", "default")](writer, config.rope_parameters)
    _write_tokenizer(writer, config, tuned)


def _write_tokenizer(writer: "GGUFWriter", config: Any, tuned: Tuned) -> None:
    tokenizer = tuned.tokenizer
    read_vocabulary(tuned.folder, tokenizer, size=config.vocab_size).write(writer)
    writer.add_add_bos_token(begins(tokenizer))
    writer.add_add_eos_token(False)
    if isinstance(tokenizer.bos_token_id, int):
        writer.add_bos_token_id(tokenizer.bos_token_id)
    if isinstance(tokenizer.pad_token_id, int):
        writer.add_pad_token_id(tokenizer.pad_token_id)
    for add, token in zip(_ENDS, tuned.ends, strict=False):
        getattr(writer, add)(token)
    if isinstance(tokenizer.chat_template, str):
        writer.add_chat_template(for_llama_cpp(tokenizer.chat_template))


def begins(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Tell whether the tokenizer puts its begin token before a text by itself."""
    ids = tokenizer("a")["input_ids"]
    return tokenizer.bos_token_id is not None and isinstance(ids, list) and ids[:1] == [tokenizer.bos_token_id]


def _head_width(config: Any) -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


@dataclass(frozen=True)
class _Arranged:
    """How the tensors of one model are named and laid out in the file."""

    config: Any
    kind: str
    form: Form
    finer: Container[str]
    name: Callable[[str], str | None]

    def encoded(self, name: str, weight: Tensor) -> "tuple[np.ndarray, int | None]":
        """Return the numbers to write and their type where numpy has none."""
        from gguf import GGMLQuantizationType, quants

        weight = weight.float()
        if self.kind == "llama" and ".self_attn.q_proj." in name:
            weight = _interleaved(weight, self.config.num_attention_heads)
        if self.kind == "llama" and ".self_attn.k_proj." in name:
            weight = _interleaved(weight, self.config.num_key_value_heads)
        if weight.ndim == 1:
            return weight.numpy(), None
        form = FINER[self.form] if name in self.finer else self.form
        if form == "f32":
            return weight.numpy(), None
        if form == "q8_0" and weight.shape[-1] % BLOCK == 0:
            return quants.quantize(weight.numpy(), GGMLQuantizationType.Q8_0), int(GGMLQuantizationType.Q8_0)
        if float(weight.abs().max()) > _F16_MOST:
            raise InputError(f"no GGUF: {name} holds a weight that does not fit float16")
        return weight.to(torch.float16).numpy(), None


def _interleaved(weight: Tensor, heads: int) -> Tensor:
    """Bring the rows of each head from halves (Hugging Face) to neighbours (llama.cpp)."""
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape).contiguous()


def _write_tensors(writer: "GGUFWriter", folder: Path, arranged: _Arranged) -> None:
    """Write one tensor after the other, so that never more than one is in memory; the head names them all first."""
    from gguf import GGMLQuantizationType

    for name, weight in _tensors(folder, arranged.config):
        array, kind = arranged.encoded(name, weight)
        raw = None if kind is None else GGMLQuantizationType(kind)
        writer.add_tensor_info(_named(name, arranged), array.shape, array.dtype, array.nbytes, raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, weight in _tensors(folder, arranged.config):
        writer.write_tensor_data(arranged.encoded(name, weight)[0])


def _named(name: str, arranged: _Arranged) -> str:
    if name == "rope_freqs.weight":
        return name
    found = arranged.name(name)
    if found is None:
        raise InputError(f"no GGUF: llama.cpp has no place for the weight {name} of a {arranged.kind} model")
    return found


def _tensors(folder: Path, config: Any) -> Iterator[tuple[str, Tensor]]:
    """The weights of a folder, without the head where it is the embedding."""
    from safetensors import safe_open

    if config.rope_parameters.get("rope_type") == "llama3":
        yield "rope_freqs.weight", llama3_factors(config.rope_parameters, _head_width(config))
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise InputError(f"no GGUF: {folder} holds no model*.safetensors")
    for path in files:
        with safe_open(path, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - no mapping
                if not (config.tie_word_embeddings and name == "lm_head.weight"):
                    yield name, weights.get_tensor(name)
