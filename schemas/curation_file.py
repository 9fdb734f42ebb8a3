"""The settings of pairs that people bring along (`kilopair curate FILE`), by the names that they have in a recipe.

A section that differs from a recipe's says only what differs: of most files nobody knows documents and tasks.
"""

from pydantic import Field

from schemas.curation_choice import ChoiceSection, HeldOutSection, Part, Share
from schemas.curation_embed import ChooseSection, EmbedSection
from schemas.curation_filters import ScreenSection
from schemas.curation_near import DecontaminateSection
from schemas.findings import FindingsSection
from schemas.recipe import BudgetSection, EndpointSection, Section


class FileCurateSection(ChoiceSection):
    """How pairs become about 1,000; `per_fact` binds where a column names the fact as group."""

    per_document: Share = Field(default=1.0, description="largest share of one document, where a column names it")
    per_task: Share = Field(default=1.0, description="largest share of one task, where a column names it")


class FileSplitSection(HeldOutSection):
    """How the pairs are divided; pairs that share a question, a response, a passage or a fact stay together."""

    held_out_documents: Part = Field(
        default=0.0, description="share of the documents of which nothing is in train; their pairs are tested on as well"
    )
    siblings: bool = Field(default=True, description="keep near-identical questions in one split even where their responses differ")


class FileRecipe(Section):
    """What decides which pairs of a file are chosen."""

    seed: int = Field(default=0, ge=0, description="seed of every random choice")
    findings: FindingsSection = FindingsSection()
    screen: ScreenSection = ScreenSection()
    decontaminate: DecontaminateSection = DecontaminateSection()
    embed: EmbedSection = EmbedSection()
    endpoint: EndpointSection = EndpointSection()
    budget: BudgetSection = BudgetSection()
    curate: FileCurateSection = FileCurateSection()
    choose: ChooseSection = ChooseSection()
    split: FileSplitSection = FileSplitSection()
