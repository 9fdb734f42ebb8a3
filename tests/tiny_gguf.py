"""A tiny GGUF with random weights: what the tests of the local generator serve. `write_gguf` takes about 0.05 s."""

from pathlib import Path

import gguf
import numpy as np

WIDTH, HIDDEN, HEADS, LAYERS, CONTEXT = 32, 64, 2, 2, 16_384
CHAT_TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SPECIAL = ("<unk>", "<s>", "<|im_end|>", "<|im_start|>")
PIECES = (*"\n\"▁!'(),-./0123456789:;?[]{}", *"abcdefghijklmnopqrstuvwxyz", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def write_gguf(path: Path) -> Path:
    """Write a Llama whose vocabulary is single characters, and every byte for the rest; the weights are always the same."""
    writer = gguf.GGUFWriter(path, "llama")
    _write_shape(writer)
    vocabulary = _write_vocabulary(writer)
    _write_weights(writer, vocabulary)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_shape(writer: gguf.GGUFWriter) -> None:
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)


def _write_vocabulary(writer: gguf.GGUFWriter) -> int:
    """Write the tokens of a SentencePiece tokenizer without merges, and return how many they are."""
    tokens = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *PIECES]
    kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 3, *[gguf.TokenType.BYTE] * 256, *[gguf.TokenType.NORMAL] * len(PIECES)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(
        False
    )  # llama.cpp looks for the generation prompt, character by character, when it holds a reply to a schema
    writer.add_chat_template(CHAT_TEMPLATE)
    return len(tokens)


def _write_weights(writer: gguf.GGUFWriter, vocabulary: int) -> None:
    random = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, random.normal(0, 0.1, shape).astype(np.float32))

    embedding = random.normal(0, 0.3, (vocabulary, WIDTH))
    output = random.normal(0, 0.3, (vocabulary, WIDTH))
    embedding[:, 0] = 2.0  # the one thing that it always has in mind ...
    output[:, 0] = 0.0
    output[3:260, 0] = -1.2  # ... is to write few raw bytes, which are seldom valid UTF-8 (few, not none: real servers have faults),
    output[260 + PIECES.index('"'), 0] = 0.9  # and to end its strings
    writer.add_tensor("token_embd.weight", embedding.astype(np.float32))
    writer.add_tensor("output.weight", output.astype(np.float32))
    for name in ("output_norm", *(f"blk.{layer}.{norm}" for layer in range(LAYERS) for norm in ("attn_norm", "ffn_norm"))):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{part}.weight", WIDTH, WIDTH)
        for part, shape in (("ffn_gate", (HIDDEN, WIDTH)), ("ffn_up", (HIDDEN, WIDTH)), ("ffn_down", (WIDTH, HIDDEN))):
            add(f"blk.{layer}.{part}.weight", *shape)
