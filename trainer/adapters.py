"""How much of a model is trained: all weights, or adapters on every linear layer (LoRA, DoRA, and LoRA on a base in 4 bits).

LoRA: rank 16, alpha twice the rank, every linear layer, no dropout (LoRA Without Regret, 2025). DoRA (arXiv 2402.09353) and
QLoRA (arXiv 2305.14314) are choices and not defaults: tuned plain LoRA does as well as its variants (arXiv 2602.09492).
"""

from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, prepare_model_for_kbit_training
from transformers import BitsAndBytesConfig, set_seed

from schemas.errors import InputError
from schemas.training import TrainSection
from trainer.model import load


def check_method(section: TrainSection) -> None:
    """Refuse, before anything is loaded, a method that this machine cannot do."""
    if section.method != "qlora":
        return
    if not torch.cuda.is_available():
        raise InputError("train.method: qlora needs a CUDA device, and this machine has none; take lora, or a smaller base")
    if find_spec("bitsandbytes") is None:
        raise InputError("train.method: qlora needs the package bitsandbytes; pip install 'kilopair[qlora]', or take lora")


def four_bits(section: TrainSection) -> BitsAndBytesConfig | None:
    """Return how the base is to be loaded for QLoRA: NF4 with double quantization, computed in bfloat16."""
    if section.method != "qlora":
        return None
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16
    )


def adapt(model: Any, section: TrainSection, *, seed: int) -> Any:
    """Return the model with new adapters, the same for the same seed; as it is for full fine-tuning, or if it has them already."""
    if section.method == "full" or isinstance(model, PeftModel):
        return model
    if section.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    set_seed(seed)
    rank = section.lora_rank
    adapters = LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", use_dora=section.method == "dora", task_type="CAUSAL_LM"
    )
    return get_peft_model(model, adapters)


def widen(model: Any) -> None:
    """Hold the trained weights in float32 again, which TRL makes bfloat16 beside a base in 4 bits: small updates would be lost (P98)."""
    for weight in trainable(model).values():
        weight.data = weight.data.float()


def trainable(model: Any) -> dict[str, torch.Tensor]:
    """Return the weights that training moves, by name, each once."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def snapshot(model: Any) -> dict[str, torch.Tensor]:
    """Copy the weights that training moves."""
    return {name: weight.detach().to("cpu", copy=True) for name, weight in trainable(model).items()}


@torch.no_grad()
def put_back(model: Any, weights: dict[str, torch.Tensor]) -> None:
    """Give the model the weights of a `snapshot` again."""
    for name, weight in trainable(model).items():
        weight.copy_(weights[name])


def merge_into(base: str, adapted: Any) -> Any:
    """Return the base in full precision with the adapters merged in: merged into 4 bits they would be rounded away."""
    whole, _ = load(base, dtype=torch.float32)
    with TemporaryDirectory() as folder:
        adapted.save_pretrained(folder)
        merged: Any = PeftModel.from_pretrained(whole, folder).merge_and_unload()
    merged.config.use_cache = True
    return merged.eval()
