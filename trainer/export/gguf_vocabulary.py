"""A Hugging Face tokenizer as the vocabulary of a GGUF file, so that llama.cpp reads the same text as the same tokens.

llama.cpp does not take a tokenizer's regular expression from the file: it knows some by name (`tokenizer.ggml.pre`). A tokenizer whose
way of splitting has no such name here is refused; the others are proved on texts by `proof.py`, which asks llama.cpp itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import PreTrainedTokenizerBase

from schemas.errors import InputError

if TYPE_CHECKING:
    from gguf import GGUFWriter

LLAMA3_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# How text is cut before it is merged -> the name that llama.cpp has for it (its table in src/llama-vocab.cpp).
_SPLITS = {
    (): "gpt-2",
    ("digits",): "smollm",
    (LLAMA3_SPLIT,): "llama-bpe",
    (LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}"),): "qwen2",
}
_BYTES_TOKEN = "<0x"  # noqa: S105 - how a piece for one byte is spelt
_LOWEST = -1e6  # score of a piece that no merge makes


@dataclass(frozen=True)
class Vocabulary:
    """What a GGUF file says about a tokenizer; `pre` is empty for pieces as SentencePiece makes them."""

    tokens: list[str]
    types: list[int]
    merges: list[str]
    scores: list[float]
    pre: str
    space_prefix: bool

    def write(self, writer: "GGUFWriter") -> None:
        """Add the vocabulary to the file's head."""
        writer.add_tokenizer_model("gpt2" if self.pre else "llama")
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.types)
        if self.pre:
            writer.add_tokenizer_pre(self.pre)
            writer.add_token_merges(self.merges)
        else:
            writer.add_tokenizer_pre("default")
            writer.add_token_scores(self.scores)
            writer.add_add_space_prefix(self.space_prefix)


def read_vocabulary(folder: Path, tokenizer: PreTrainedTokenizerBase, *, size: int) -> Vocabulary:
    """Return the vocabulary of the tokenizer saved in `folder`, filled up to the `size` of the model's embedding.

    Raises:
        InputError: llama.cpp has no such tokenizer, or none that is known here.
    """
    described = described_tokenizer(folder)
    problem = vocabulary_problem(described)
    if problem:
        raise InputError(f"no GGUF: {problem}; give llama.cpp's converter as package.converter")
    model = described["model"]
    by_id = {number: token for token, number in tokenizer.get_vocab().items()}
    tokens = [by_id.get(number, f"[UNUSED{number}]") for number in range(size)]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return Vocabulary(
        tokens,
        _types(tokens, by_id, tokenizer, str(model.get("unk_token"))),
        merges,
        _scores(tokens, model["merges"]),
        "" if model.get("byte_fallback") else _SPLITS[_splits(described)],
        _has_space_prefix(described),
    )


def described_tokenizer(folder: Path) -> dict[str, Any]:
    """Return what tokenizer.json says; empty if there is none."""
    path = folder / "tokenizer.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def vocabulary_problem(described: Mapping[str, Any]) -> str:
    """Say why a tokenizer cannot be written here, or nothing."""
    model = described.get("model", {})
    if model.get("type") != "BPE":
        return f"the tokenizer is of type {model.get('type', 'unknown')}, only BPE is written here"
    if model.get("byte_fallback"):
        return ""
    parts = _parts(described.get("pre_tokenizer"))
    byte_level = [part for part in parts if part["type"] == "ByteLevel"]
    if not byte_level or any(part.get("add_prefix_space") for part in byte_level):
        return "the tokenizer is neither byte-level BPE nor BPE with bytes as a last resort"
    if _splits(described) not in _SPLITS:
        return "llama.cpp's name for the way this tokenizer splits text is not known here"
    if bool(model.get("ignore_merges")) != (_SPLITS[_splits(described)] == "llama-bpe"):
        return "the tokenizer takes whole words from its vocabulary in another way than llama.cpp's of the same splits"
    return ""


def _parts(part: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The steps of a pre-tokenizer in order."""
    if not part:
        return []
    inside: Sequence[Mapping[str, Any]] = part.get("pretokenizers", [part])
    return list(inside)


def _splits(described: Mapping[str, Any]) -> tuple[str, ...]:
    """What comes before the byte-level step: regular expressions, and digits one by one; unknown steps by their type."""
    found: list[str] = []
    for part in _parts(described.get("pre_tokenizer")):
        if part["type"] == "Digits" and part.get("individual_digits"):
            found.append("digits")
        elif part["type"] == "Split" and part.get("behavior") == "Isolated" and not part.get("invert"):
            found.append(str(part["pattern"].get("Regex", part["pattern"])))
        elif part["type"] != "ByteLevel":
            found.append(f"?{part['type']}")
        elif not part.get("use_regex", True) and not found:
            found.append("?none")  # nothing is split at all
    return tuple(found)


def _types(tokens: Sequence[str], by_id: Mapping[int, str], tokenizer: PreTrainedTokenizerBase, unknown: str) -> list[int]:
    """The kind of every token; control tokens are read in prompts and never shown in answers."""
    from gguf import TokenType

    added = tokenizer.added_tokens_decoder
    special = {*tokenizer.all_special_ids, *(number for number, token in added.items() if token.special)}

    def kind(number: int, token: str) -> TokenType:
        if number not in by_id:
            return TokenType.UNUSED
        if token == unknown:
            return TokenType.UNKNOWN
        if number in special:
            return TokenType.CONTROL
        if number in added:
            return TokenType.USER_DEFINED
        return TokenType.BYTE if token.startswith(_BYTES_TOKEN) and len(token) == 6 else TokenType.NORMAL

    return [int(kind(number, token)) for number, token in enumerate(tokens)]


def _scores(tokens: Sequence[str], merges: Sequence[Any]) -> list[float]:
    """The order of merges as SentencePiece's scores: the earlier a piece is made, the higher."""
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(merges):
        ranks.setdefault("".join(merge.split(" ") if isinstance(merge, str) else merge), rank)
    return [float(-ranks[token]) if token in ranks else _LOWEST for token in tokens]


def _has_space_prefix(described: Mapping[str, Any]) -> bool:
    """Whether text gets a space in front, as Llama 2's does."""
    steps = json.dumps([described.get("normalizer"), described.get("pre_tokenizer")])
    return '"Prepend"' in steps or '"prepend_scheme": "always"' in steps or '"prepend_scheme": "first"' in steps
