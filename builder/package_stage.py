"""The stage that makes of a tuned model what people can use: one folder with weights, card, GGUF files, and the way to repeat it.

The folder is what `model` in the workspace leads to. Weights are not copied but linked.
"""

import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.model_stages import base_folder, folder_stamp
from builder.step import DIAGNOSIS, EVALUATION, MODEL, PACKAGE, Step
from builder.store import read_json, write_text
from builder.workspace import Counts, Output
from schemas.errors import InputError
from schemas.records import Pair
from schemas.training import PackageSection

if TYPE_CHECKING:
    from trainer.templates import Template

REPEAT, CARD = "repeat", "README.md"
CODE = (
    "trainer.export", "trainer.templates", "trainer.template_texts", "trainer.metrics", "trainer.model", "generators.llm.local",
    "builder.package_stage", "builder.package_gguf", "builder.served_gguf", "builder.mixed_gguf", "builder.model_card_facts",
    "builder.figures_in_words", "builder.report.compared", "builder.report.diagnosis", "builder.report.forgetting",
    "builder.report.verdict", "builder.exported_answers", "trainer.evaluation", "trainer.statistics",
)  # fmt: skip


def package(step: Step) -> Output:
    """The tuned model with everything that goes with it."""
    section, recipe = step.recipe.package, step.recipe
    converter = step.root / section.converter if section.converter else None

    def make(folder: Path) -> Counts:
        return _make(step, folder / PACKAGE, converter)

    reads = {
        **step.contents("read", "split", "pretrain", "train", "evaluate", "diagnose"),
        **section.model_dump(mode="json"),
        "company": recipe.company,
        "seed": recipe.seed,
        "converter": folder_stamp(converter.parent) if converter else None,
    }
    return step.work.stage("package", reads=reads, code=CODE, make=make)


def check_package(section: PackageSection, base: Path) -> None:
    """Check before hours of work that what is asked for can be made in the end.

    Raises:
        UsageError: a library is missing.
        InputError: a model of this architecture cannot be written as GGUF.
    """
    if not section.gguf:
        return
    from trainer.export.gguf_file import check_libraries, problem_of

    check_libraries()
    if section.converter is None and base.is_dir() and (problem := problem_of(base)):
        raise InputError(
            f"package.gguf: {problem}; give llama.cpp's convert_hf_to_gguf.py as package.converter, or leave package.gguf empty"
        )


def _make(step: Step, folder: Path, converter: Path | None) -> Counts:
    from builder.package_gguf import make_files
    from trainer.model import load_tokenizer
    from trainer.templates import choose_template

    trained, name = step.output("train").folder / MODEL, name_of(step.recipe.package, step.recipe.company)
    link_files(trained, folder)
    template = choose_template(load_tokenizer(trained))
    repeated = _repeat(step, folder / REPEAT, template)
    files, notices = make_files(step, folder, name, converter=converter) if step.recipe.package.gguf else ({}, [])
    write_text(folder / CARD, _card(step, name, files))
    return {"name": name, "gguf": files, **repeated, "notices": notices}


def name_of(section: PackageSection, company: str) -> str:
    """Return the name of the model and its files."""
    return section.name or re.sub(r"[^a-z0-9]+", "-", company.lower()).strip("-") or "model"


def link_files(source: Path, folder: Path) -> None:
    """Put the files of a folder into another one without a copy, or as copies where the disk cannot link."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            target = folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, target)
            except OSError:
                shutil.copy2(path, target)


def _repeat(step: Step, folder: Path, template: "Template") -> dict[str, Any]:
    from trainer.export.repeat import BASE, Training, write_repeat

    base = base_folder(step.output("pretrain"))
    if Path(base).is_dir():
        link_files(Path(base), folder / BASE)
    training = Training(step.recipe.train, step.output("train").counts, step.recipe.seed)
    pairs = [pair for pair in step.pairs("split") if pair.split in ("train", "validation")]
    return write_repeat(folder, training, pairs=pairs, template=template, base=BASE if Path(base).is_dir() else base)


def _card(step: Step, name: str, files: Mapping[str, Any]) -> str:
    from builder.figures_in_words import SETS
    from builder.model_card_facts import limits, proof, results
    from trainer.export.card import CardFacts, model_card
    from trainer.model import is_adapter

    pairs = [pair for pair in step.pairs("split") if pair.split == "train"]
    figures, evaluation = step.output("train").counts, read_json(step.output("evaluate").folder / EVALUATION)
    weak = step.output("diagnose").folder / DIAGNOSIS
    return model_card(
        CardFacts(
            name=name,
            company=step.recipe.company,
            license=step.recipe.package.license,
            languages=languages(step),
            base=figures["base"],
            figures=figures,
            evaluation=evaluation,
            set_names=SETS,
            data=[
                *data_lines(pairs, documents=step.output("read").counts["kept"]),
                f"hash of the dataset that it was made from: `{step.output('split').content}`",
            ],
            gguf=files,
            generated=any(map(_is_generated, pairs)),
            is_adapter=is_adapter(step.output("train").folder / MODEL),
            results=results(evaluation),
            proof=proof(evaluation),
            limits=limits(evaluation, read_json(weak) if weak.exists() else {}),
        )
    )


def languages(step: Step) -> list[str]:
    """Return the languages of the documents, most frequent first; English where none is noted."""
    found = Counter(str(document.metadata.get("language") or "en")[:2].lower() for document in step.documents())
    return [code for code, _ in found.most_common()]


def data_lines(pairs: Sequence[Pair], *, documents: int) -> list[str]:
    """Say what a model was trained on: how many pairs on how many facts, who worded them, and how they rest on the documents."""
    total = max(1, len(pairs))
    makers = Counter(map(_maker, pairs))
    grounded = Counter(pair.grounding for pair in pairs)
    generated = sum(map(_is_generated, pairs))
    return [
        f"{len(pairs):,} pairs on {len({pair.group for pair in pairs}):,} facts, from {documents:,} documents",
        "worded by " + ", ".join(f"{maker} ({count / total:.0%})" for maker, count in makers.most_common()),
        f"{generated / total:.0%} of the pairs hold text that a language model generated",
        ", ".join(f"{count / total:.0%} {_GROUNDED[name]}" for name, count in grounded.most_common()),
    ]


_GROUNDED = {
    "quoted": "answered in words that a quote of the documents proves",
    "absent": "answered with the finding that no document says it",
    "none": "about no document",
}


def _is_generated(pair: Pair) -> bool:
    return bool(pair.provenance.model)


def _maker(pair: Pair) -> str:
    if pair.provenance.generator in {"existing", "inside"}:
        return "people"
    return pair.provenance.model or "rules"
