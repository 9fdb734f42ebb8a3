"""How much memory a training needs, before it starts: counted on the meta device, and what this machine has free.

Weights, gradients and optimizer states follow from the parameters: 4 bytes each in float32, two states for AdamW, one for
Muon's matrices (ZeRO, arXiv 1910.02054; QLoRA, arXiv 2305.14314, section 3: 4 bits and a constant of 0.127 bits a weight). What
the backward pass needs of the forward pass is not taken from a formula but counted: the model runs once on PyTorch's meta
device, which holds shapes and no numbers, and every tensor that autograd would keep is added up. So it is right for any
architecture, for adapters, and with recomputed activations (arXiv 1604.06174: the input of every layer, and one layer whole).
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AutoModelForCausalLM, PreTrainedConfig

from schemas.errors import InputError

Method = Literal["full", "lora", "dora", "qlora"]
_FULL = 4  # bytes of a trained weight, of its gradient, and of each of its optimizer's states: all float32
_FOUR_BITS = (4 + 0.127) / 8  # bytes of a weight in NF4 with double quantization
# Measured: what autograd keeps under bfloat16 autocast, over float32. Norms and residuals stay float32.
_AUTOCAST = 0.72
_WORKING_LAYERS = 2  # measured: what the backward pass makes and drops again is up to twice what a layer keeps
_BUFFERS = 40 << 20  # measured: what the kernels' libraries and the allocator take for themselves once they work
# Measured on CPUs: what stays between the kept pieces of memory when adapters drop theirs in turn; a GPU's allocator fills it.
_SCATTERED = {"full": 0.0, "lora": 1.2, "qlora": 1.2, "dora": 0.4}
_LOGIT_COPIES = 3  # the scores, their log-softmax, and its gradient
_ATTENTION = "kilopair_counted"


@dataclass(frozen=True)
class Load:
    """What one update holds at once: its widest batch, and how it is trained.

    Args:
        rows: rows of the batch.
        length: padded tokens of each.
        trained: tokens of the batch that are in the loss; only they are scored against the vocabulary.
        method: all weights or adapters; with qlora the frozen matrices are held in 4 bits.
        rank: of the adapters.
        optimizer: its states are two numbers per trained weight, for Muon's matrices one.
        autocast: whether the forward pass runs in bfloat16.
        recomputed: whether activations are computed again instead of kept (gradient checkpointing).
        answers: questions that are answered at once when the model is evaluated.
    """

    rows: int
    length: int
    trained: int
    method: Method = "full"
    rank: int = 16
    optimizer: Literal["adamw", "muon"] = "adamw"
    autocast: bool = False
    recomputed: bool = False
    answers: int = 32


@dataclass(frozen=True)
class Memory:
    """Bytes that a training holds at its peak, by what they are for; what Python and its libraries take is not among them."""

    parameters: int
    trainable: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    working: int
    generation: int

    @property
    def total(self) -> int:
        """Return the peak; those measured at 1M to 160M parameters on a CPU lay between 0.9 and 1.1 times of it."""
        training = self.gradients + self.optimizer + self.activations + self.logits + self.working
        return self.weights + max(training, self.generation)

    def as_json(self) -> dict[str, int]:
        """Return the bytes by part, and their sum."""
        return {**asdict(self), "total": self.total}


def estimate(config: PreTrainedConfig, load: Load) -> Memory:
    """Count what training a model of this config would hold, in bytes, without making the model.

    Raises:
        InputError: the architecture cannot be run on the meta device.
    """
    model = _hollow(config, load)
    own = {_address(tensor) for tensor in (*model.parameters(), *model.buffers())}
    kept, layer = _kept(model, load, own)
    share = _AUTOCAST if load.autocast else 1.0
    scattered = 0.0 if torch.cuda.is_available() else _SCATTERED[load.method]
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    numbers = sum(weight.numel() for weight in trainable)
    return Memory(
        parameters=sum(weight.numel() for weight in model.parameters()),
        trainable=numbers,
        weights=round(_weights(model, load)),
        gradients=_FULL * numbers,
        optimizer=_states(model, trainable, load),
        activations=round(kept * share),
        logits=_LOGIT_COPIES * _FULL * load.trained * config.get_text_config().vocab_size,
        working=round((_WORKING_LAYERS * layer + scattered * kept) * share) + _BUFFERS,
        generation=_generation(config, rows=load.answers, length=load.length),
    )


def _generation(config: PreTrainedConfig, *, rows: int, length: int) -> int:
    """Return the bytes of `rows` answers of `length` tokens with their prompts: keys, values, scores."""
    text: Any = config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return rows * (2 * text.num_hidden_layers * heads * size * length + text.vocab_size) * _FULL


def _hollow(config: PreTrainedConfig, load: Load) -> Any:
    """Make the model without numbers, with its adapters, in training mode."""
    from peft import LoraConfig, get_peft_model

    AttentionInterface.register(_ATTENTION, _attention)
    copied = type(config).from_dict(config.to_dict())
    try:
        with torch.device("meta"):
            model: Any = AutoModelForCausalLM.from_config(copied, dtype=torch.float32, attn_implementation=_ATTENTION)
            if load.method != "full":
                dora = load.method == "dora"
                model = get_peft_model(model, LoraConfig(r=load.rank, target_modules="all-linear", task_type="CAUSAL_LM", use_dora=dora))
    except (ValueError, NotImplementedError, RuntimeError) as error:
        raise _uncountable(config, error) from error
    return model.train()


def _uncountable(config: PreTrainedConfig, error: Exception) -> InputError:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return InputError(f"the memory of a {config.model_type} cannot be counted beforehand ({reason}); a trial of two steps measures it")


def _inner(model: Any) -> Any:
    """Return the part below the vocabulary's scores."""
    return (model.get_base_model() if hasattr(model, "get_base_model") else model).base_model


def _kept(model: Any, load: Load, own: set[int]) -> tuple[int, int]:
    """Return the bytes that autograd keeps of one forward pass, weights aside, and those of the largest layer.

    Where activations are computed again, only the input of every layer is kept, and one layer while it is at work.
    """
    stacks = [module for module in _inner(model).modules() if isinstance(module, nn.ModuleList)]
    layers = max(stacks, key=len) if stacks else [_inner(model)]
    found: dict[int, int] = {}
    entered: list[int] = []  # storages found before each layer
    inputs: list[int] = []

    def enter(_layer: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        tensors = [value for value in (*given, *named.values()) if isinstance(value, Tensor) and value.is_floating_point()]
        inputs.append(max((value.numel() * _FULL for value in tensors), default=0))
        entered.append(len(found))

    handles = [layer.register_forward_pre_hook(enter, with_kwargs=True) for layer in layers]
    with _noting(found, own):
        _run(model, load)
    for handle in handles:
        handle.remove()
    sizes = list(found.values())
    largest = max((sum(sizes[start:end]) for start, end in pairwise([*entered, len(sizes)])), default=0)
    return (sum(inputs) + largest if load.recomputed else sum(sizes)), largest


def _run(model: Any, load: Load) -> None:
    ids = torch.zeros(load.rows, load.length, dtype=torch.long, device="meta")
    try:
        _inner(model)(input_ids=ids, use_cache=False)
    except (NotImplementedError, RuntimeError) as error:
        raise _uncountable(model.config, error) from error


@contextmanager
def _noting(found: dict[int, int], own: set[int]) -> Iterator[None]:
    """Note the bytes of every storage that autograd keeps, once; the storages are held, or their addresses would be used again."""
    held: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        if (place := _address(tensor)) not in own:
            held.append(tensor)
            found[place] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata  # noqa: SLF001 - meta tensors have no other identity: every data_ptr is 0


class _Attention(torch.autograd.Function):
    """Keeps what a fused attention kernel keeps (queries, keys, values, result) and computes nothing.

    On the meta device PyTorch would take the plain kernel, whose table of all pairs of positions no real run has.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return the shape of the result, (rows, positions, heads, size)."""
        rows, heads, positions, _ = query.shape
        result = query.new_empty(rows, positions, heads, value.size(-1))
        ctx.save_for_backward(query, key, value, result)
        return result


def _attention(_module: Any, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> tuple[Tensor, None]:
    result: Any = _Attention.apply(query, key, value)
    return result, None


def _weights(model: Any, load: Load) -> float:
    """Return the bytes of the weights, and of their copies in bfloat16 where autocast keeps one."""
    matrices = {id(module.weight) for module in model.modules() if isinstance(module, nn.Linear)}
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    total = 0.0
    for weight in model.parameters():
        is_matrix = id(weight) in matrices - tables
        if weight.requires_grad:
            total += weight.numel() * (_FULL + (2 if load.autocast and is_matrix else 0))
        else:
            total += weight.numel() * (_FOUR_BITS if load.method == "qlora" and is_matrix else _FULL)
    return total


def _states(model: Any, trainable: list[nn.Parameter], load: Load) -> int:
    """Return the bytes of the optimizer's states, and for Muon of the stack of equal matrices that it works on."""
    if load.optimizer == "adamw":
        return 2 * _FULL * sum(weight.numel() for weight in trainable)
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    stacks: dict[torch.Size, int] = defaultdict(int)
    states = 0
    for weight in trainable:
        is_matrix = weight.ndim == 2 and id(weight) not in tables
        states += weight.numel() * (1 if is_matrix else 2)
        stacks[weight.shape] += weight.numel() if is_matrix else 0
    return _FULL * (states + math.ceil(2.5 * max(stacks.values(), default=0)))
