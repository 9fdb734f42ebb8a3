"""The stage between read and chunk: what the documents hold, written down, before anything is asked."""

from pathlib import Path

from builder.step import RECORDS, Step
from builder.store import write_json, write_text
from builder.watch import Watch
from builder.workspace import Counts, Output, Workspace, link
from schemas.errors import InputError
from schemas.recipe import Recipe

FINDINGS, PAGE = "findings.json", "findings.md"
CODE = (*RECORDS, "schemas.findings", "builder.findings", "generators.fitness", "generators.alpaca.screen", "generators.alpaca.corpus")


def check(step: Step) -> Output:
    """Documents to findings; `findings.json` and `findings.md` at the top of the workspace always show the newest."""
    policy = step.recipe.findings

    def make(folder: Path) -> Counts:
        from builder.findings.collect import counts, findings, summary

        documents = step.documents()
        found = findings(documents, policy)
        write_json(folder / FINDINGS, [finding.model_dump(mode="json") for finding in found])
        write_text(folder / PAGE, summary(found, documents=len(documents)))
        return {"documents": len(documents), **counts(found)}

    output = step.work.stage("check", reads={**step.contents("read"), "policy": policy.model_dump()}, code=CODE, make=make)
    if output.fresh:
        for name in (FINDINGS, PAGE):
            link(output.folder / name, step.work.folder / name)
    return output


def refuse(output: Output) -> None:
    """Go no further if the recipe says stop at something that was found.

    Raises:
        InputError: it does.
    """
    if output.counts["stop"]:
        raise InputError(
            f"the recipe says stop at {output.counts['stop']} of the findings in the documents; see {PAGE} in the workspace, "
            "correct the documents, or allow or mask it in the section findings"
        )


def look(recipe: Recipe, root: Path, *, watch: Watch | None = None) -> Output:
    """Read the documents of a recipe and return what they hold; asks nothing."""
    from builder.stages import read

    with Workspace((root / recipe.workspace).resolve(), watch=watch) as work:
        step = Step(work, recipe, root)
        read(step)
        return check(step)
