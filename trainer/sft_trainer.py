"""TRL's SFTTrainer on a fixed plan of batches, with the loss computed only where there is one.

On a CPU, TRL scores every position against the whole vocabulary, prompt and padding included. Computing the same loss at
the trained positions alone, on batches of like length, made the same training 4.6 times faster.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from schemas.training import TrainSection
from trainer.guards import Health
from trainer.machine import device
from trainer.optimizer import make_optimizer
from trainer.plan import Plan
from trainer.rows import IGNORED
from trainer.settings import Settings
from trainer.templates import Template

_CHECKPOINTING_FROM = 1_000_000_000  # parameters; below, recomputing activations costs time and saves nothing that matters
_POINTS = 100  # of the loss curve


class PlannedTrainer(SFTTrainer):
    """SFTTrainer that takes its batches from a plan (one process) and skips the vocabulary where nothing is trained."""

    def __init__(self, *, plan: Plan, **settings: Any) -> None:
        self._plan = plan
        self._lean: bool | None = None
        super().__init__(**settings)

    def get_train_dataloader(self) -> DataLoader:
        """Serve the planned batches; several processes share TRL's own length-grouped ones."""
        if self.args.world_size > 1:
            return super().get_train_dataloader()
        rows: Any = self.train_dataset
        return self.accelerator.prepare(DataLoader(rows, batch_sampler=self._plan.batches, collate_fn=self.data_collator))

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """Compute TRL's loss at the trained positions only, where that is proved equal on the first batch."""
        if self._lean is None:
            self._lean = self._is_lean_equal(model, inputs)
        if not self._lean or return_outputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        return self._lean_loss(inputs, num_items_in_batch)

    def _lean_loss(self, inputs: dict[str, Any], count: Any = None) -> Tensor:
        # Under causal attention the padding on the right changes nothing before it, so no mask is needed.
        labels = inputs["labels"][:, 1:]
        trained = labels != IGNORED
        inner: Any = self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model
        hidden = inner.base_model(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state[:, :-1][trained]
        logits = inner.get_output_embeddings()(hidden).float()
        total = functional.cross_entropy(logits, labels[trained], reduction="sum")
        return total / torch.as_tensor(trained.sum() if count is None else count).clamp(min=1)

    @torch.no_grad()
    def _is_lean_equal(self, model: Any, inputs: dict[str, Any]) -> bool:
        """Compare both losses once: mixture-of-experts and logit scaling differ, several ranks or a GPU are TRL's own domain."""
        if self.args.world_size > 1 or self.args.device.type != "cpu":
            return False
        model.eval()
        lean = float(self._lean_loss(inputs))
        stock = float(super().compute_loss(model, dict(inputs)))
        self._metrics["eval"].clear()
        model.train()
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


def build(job: Job, plan: Plan, callbacks: Sequence[TrainerCallback]) -> PlannedTrainer:
    """Make the trainer; it writes nothing by itself."""
    rank = job.section.lora_rank
    lora = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    muon = (lambda: make_optimizer, {"lr": job.settings.learning_rate})
    trainer = PlannedTrainer(
        plan=plan,
        model=job.model,
        args=_arguments(job, plan),
        train_dataset=Dataset.from_dict({name: [getattr(row, name) for row in plan.rows] for name in ("input_ids", "labels")}),
        processing_class=job.template.tokenizer,
        peft_config=lora if job.section.method == "lora" else None,
        optimizer_cls_and_kwargs=muon if job.settings.optimizer == "muon" else None,
        callbacks=[Health(), *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arguments(job: Job, plan: Plan) -> SFTConfig:
    accelerated = device().type == "cuda"
    updates = len(plan.batches)
    return SFTConfig(
        output_dir=str(job.folder),
        use_cpu=not accelerated,
        bf16=accelerated and torch.cuda.is_bf16_supported(),  # on CPUs it gained nothing at this size
        activation_checkpointing=job.model.num_parameters() >= _CHECKPOINTING_FROM,
        max_length=None,  # lengths are checked before; TRL would cut
        eos_token=str(job.template.tokenizer.convert_ids_to_tokens(job.template.end)),
        num_train_epochs=1,  # the plan holds every pass
        per_device_train_batch_size=max(1, round(len(plan.rows) / updates)),  # where TRL makes the batches
        train_sampling_strategy="group_by_length",
        learning_rate=job.settings.learning_rate,
        weight_decay=0.0 if job.section.method == "lora" else 0.01,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": 0.05},
        warmup_steps=int(job.section.warmup * updates),  # a share, or a short run would never reach its rate (P70)
        logging_steps=max(1, updates // _POINTS),
        logging_nan_inf_filter=False,  # P76: True shows a loss that is not a number as 0.0
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=accelerated,
        seed=job.seed,
        data_seed=job.seed,
    )


def finish(trainer: PlannedTrainer) -> Any:
    """Return the trained model ready to save: adapters merged, cache on, evaluation mode."""
    model: Any = trainer.accelerator.unwrap_model(trainer.model)
    if isinstance(model, PeftModel):
        model = model.merge_and_unload()
    model.config.use_cache = True  # P110: the trainer turned it off
    return model.eval()
