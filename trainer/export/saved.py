"""Adapters saved so that any program finds their base; `trainer.model.load` reads them back as one model with it.

`save_pretrained` of PEFT notes the absolute path of a local base, and neither tokenizer nor template (P107). Here the base is noted by
its name, or by its path from the adapter's folder, and tokenizer, template and generation settings lie beside the adapter.
"""

import json
import os
from pathlib import Path
from typing import Any

from trainer.templates import Template

CONFIG = "adapter_config.json"
_BASE = "base_model_name_or_path"


def save_adapter(model: Any, folder: Path, *, base: str, template: Template) -> None:
    """Save the adapters of a PEFT model with everything that goes with them.

    Args:
        model: with adapters on it, before they are merged.
        folder: where to.
        base: the name of the base, or the folder it was loaded from.
        template: the tokenizer and the template that was trained with.
    """
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's form to fill in; the card is written with the figures
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    config[_BASE] = os.path.relpath(base, folder) if Path(base).is_dir() else base
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    template.tokenizer.save_pretrained(folder)
    model.get_base_model().generation_config.save_pretrained(folder)
