"""TRL's SFTTrainer on a fixed plan of batches, with the loss computed only where there is one.

On a CPU, TRL scores every position against the whole vocabulary, prompt and padding included. Computing the same loss at
the trained positions alone, on batches of like length, made the same training 4.6 times faster; bfloat16 adds to it.

Rows are never packed: on a CPU a packed batch is one long row, whose attention costs its length squared (P62), it changes
the number of updates behind one's back (P61), and rows of like length leave hardly any padding to save (2 to 4 %).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from schemas.errors import TrainingError
from schemas.training import TrainSection
from trainer.adapters import adapt, widen
from trainer.attention import attend_as_before, attend_in_float32
from trainer.batches import PlannedRows, Share, collate, loader, shares
from trainer.guards import Health
from trainer.lean import add_loss, forget_wrappers
from trainer.machine import device
from trainer.optimizer import make_optimizer
from trainer.parallel import DIVIDED, agree, check_processes
from trainer.plan import Plan
from trainer.settings import Settings
from trainer.setup import Setup, choose_setup
from trainer.templates import Template

_POINTS = 100  # of the loss curve
_LEAN = ("input_ids", "places", "targets", "weights")


class PlannedTrainer(SFTTrainer):
    """SFTTrainer that takes its batches from a plan, on any number of processes, and skips the vocabulary where nothing is trained."""

    def __init__(  # the last are TRL's
        self, *, plan: Plan, setup: Setup, prompt_weight: float = 0.0, start_weight: float = 1.0, **settings: Any
    ) -> None:
        self._plan = plan
        self.setup = setup
        self._collate = partial(collate, multiple=setup.multiple, prompt_weight=prompt_weight, start_weight=start_weight)
        for part in (settings["model"], _inner(settings["model"])):
            forget_wrappers(part)
        add_loss(_inner(settings["model"]))
        if setup.precision == "bfloat16" and device().type == "cpu":
            attend_in_float32(_inner(settings["model"]))
        super().__init__(**settings)
        check_processes(self.args.world_size)
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            raise TrainingError(DIVIDED)
        whole: Any = self.model
        self._flops = 6 * sum(weight.numel() for weight in whole.parameters())
        self._lean = self._is_lean_equal()
        for name, is_set, plain in (("prompt", prompt_weight != 0, 0), ("start", start_weight != 1, 1)):
            if is_set and not self._lean:
                raise TrainingError(f"train.{name}_weight: a {whole.config.model_type} computes its loss in its own way; set it to {plain}")

    def get_train_dataloader(self) -> DataLoader:
        """Serve this process its share of the planned batches."""
        dataset: Any = self.train_dataset
        prepared = dataset[:]
        share = Share(self.args.process_index, self.args.world_size, self.setup.micro_batches)
        rows = PlannedRows(prepared["input_ids"], prepared["labels"])
        return loader(rows, shares(self._plan.batches, share), collate_fn=self._collate, pinned=self.args.dataloader_pin_memory)

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """Compute TRL's loss at the trained positions only, where that was proved equal."""
        if not self._lean or return_outputs:
            given = {name: value for name, value in inputs.items() if name not in _LEAN[1:]}
            return super().compute_loss(model, given, return_outputs, num_items_in_batch)
        total = model(**{name: inputs[name] for name in _LEAN if name in inputs})
        # The count is that of all processes, and DistributedDataParallel takes the mean of their gradients (P117).
        return total * self.args.world_size / num_items_in_batch

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Return 6 operations a weight and token; the library would count the weights anew at every batch."""
        return self._flops * inputs["input_ids"].numel()

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Sum what the tokens of an update weigh in the loss, over all its batches and processes; no fewer than one."""
        count = sum(float(batch["weights"].sum()) if "weights" in batch else len(batch["targets"]) for batch in batch_samples)
        total: Any = torch.tensor(count, dtype=torch.float32, device=device)
        if self.args.world_size > 1:
            total = self.accelerator.reduce(total)
        return total.clamp(min=1)

    def _prepare_input(self, data: Any) -> Any:
        """Move a batch to the device while earlier work still runs there."""
        if isinstance(data, dict):
            return {name: value.to(self.args.device, non_blocking=True) for name, value in data.items()}
        return super()._prepare_input(data)

    @torch.no_grad()
    def _is_lean_equal(self) -> bool:
        """Compare both losses on the shortest row before training; mixtures of experts have a loss of their own."""
        if self.aux_loss_enabled:
            return False
        model: Any = self.model
        dataset: Any = self.train_dataset
        row = dataset[min(range(len(self._plan.rows)), key=lambda index: len(self._plan.rows[index]))]
        batch = {name: value.to(model.device) for name, value in collate([(row["input_ids"], row["labels"])]).items()}
        training = model.training
        model.eval()
        lean = float(model(**{name: batch[name] for name in _LEAN[:3]}))
        given = {name: batch[name] for name in ("input_ids", "labels", "attention_mask")}
        stock = -float(model(**given, fused_lm_head=True).log_probs.sum())
        model.train(training)
        return abs(lean - stock) <= 1e-3 * max(1.0, abs(stock))


@dataclass(frozen=True)
class Job:
    """One training: the model with its template, the settings, and where the result goes."""

    model: Any
    template: Template
    section: TrainSection
    settings: Settings
    seed: int
    folder: Path


def build(job: Job, plan: Plan, callbacks: Sequence[TrainerCallback], *, setup: Setup | None = None) -> PlannedTrainer:
    """Make the trainer, with new adapters on the model where the method wants them; it writes nothing by itself."""
    chosen = agree(setup or choose_setup(job.model, plan, section=job.section, settings=job.settings))
    muon = (lambda: make_optimizer, {"lr": job.settings.learning_rate})
    trainer = PlannedTrainer(
        plan=plan,
        setup=chosen,
        prompt_weight=job.section.prompt_weight,
        start_weight=job.settings.start_weight,
        model=adapt(job.model, job.section, seed=job.seed),
        args=_arguments(job, plan, chosen),
        train_dataset=Dataset.from_dict({name: [getattr(row, name) for row in plan.rows] for name in ("input_ids", "labels")}),
        processing_class=job.template.tokenizer,
        optimizer_cls_and_kwargs=muon if job.settings.optimizer == "muon" else None,
        callbacks=[Health(), *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    widen(trainer.model)
    return trainer


def _arguments(job: Job, plan: Plan, setup: Setup) -> SFTConfig:
    accelerated = device().type == "cuda"
    updates, rows = len(plan.batches), sum(map(len, plan.batches))
    arguments = SFTConfig(
        output_dir=str(job.folder),
        use_cpu=not accelerated,
        bf16=setup.precision == "bfloat16",
        activation_checkpointing=setup.recomputed,
        max_length=None,  # lengths are checked before; TRL would cut
        eos_token=str(job.template.tokenizer.convert_ids_to_tokens(job.template.end)),
        num_train_epochs=1,  # the plan holds every pass
        per_device_train_batch_size=max(1, round(rows / updates / setup.micro_batches / setup.processes)),  # told, the plan makes them
        gradient_accumulation_steps=setup.micro_batches,
        ddp_find_unused_parameters=False,
        learning_rate=job.settings.learning_rate,
        weight_decay=job.settings.weight_decay,
        lr_scheduler_type="cosine_warmup_with_min_lr",  # cosine_with_min_lr begins its warm-up with an update of rate 0 (P70)
        lr_scheduler_kwargs={"min_lr_rate": 0.05},
        warmup_steps=max(1, int(job.section.warmup * updates)),  # a share, or a short run would never reach its rate (P70); 1 is none
        logging_steps=max(1, updates // _POINTS),
        logging_nan_inf_filter=False,  # P76: True shows a loss that is not a number as 0.0
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=accelerated,
        seed=job.seed,
        data_seed=job.seed,
    )
    if setup.processes == 1:
        arguments._n_gpu = min(1, arguments.n_gpu)  # noqa: SLF001 - several GPUs in one process would be torch's old DataParallel, slower than one
    return arguments


def finish(trainer: PlannedTrainer) -> Any:
    """Return the trained model ready to save: adapters merged, cache on, evaluation mode, and no library's wrapper left on it."""
    model: Any = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    if isinstance(model, PeftModel):
        forget_wrappers(model)
        model = model.merge_and_unload()
    forget_wrappers(model)
    attend_as_before(model)
    model.config.use_cache = True  # P110: the trainer turned it off
    return model.eval()


def _inner(model: Any) -> Any:
    """Return the causal language model itself, without adapters around it."""
    return model.get_base_model() if isinstance(model, PeftModel) else model
