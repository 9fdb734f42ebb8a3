"""The settings of pairs that people bring along (`kilopair curate FILE`), by the names that they have in a recipe."""

from typing import Self

from pydantic import Field, model_validator

from schemas.curation_embed import ChooseSection, EmbedSection
from schemas.curation_filters import ScreenSection
from schemas.curation_near import DecontaminateSection
from schemas.findings import FindingsSection
from schemas.recipe import EndpointSection, Section


class FileCurateSection(Section):
    """How pairs become about 1,000."""

    target: int = Field(default=1000, ge=1, description="pairs to choose")
    rouge_l: float = Field(
        default=0.7, gt=0, le=1, description="drop a question whose ROUGE-L F with another one is above this, as Alpaca does"
    )
    per_fact: int = Field(default=5, ge=1, description="most questions about one fact, where a column names it as group")
    per_document: float = Field(default=1.0, gt=0, le=1, description="largest share of one document, where a column names it")
    per_task: float = Field(default=1.0, gt=0, le=1, description="largest share of one task, where a column names it")
    per_opening: float = Field(default=0.04, gt=0, le=1, description="largest share of one opening (first three words of the question)")


class FileSplitSection(Section):
    """How the pairs are divided; pairs that share a question, a response, a passage or a fact stay together."""

    test: float = Field(default=0.1, ge=0, lt=1, description="share of the pairs to test on")
    validation: float = Field(default=0.05, ge=0, lt=1, description="share of the pairs for choosing settings")
    held_out_documents: float = Field(
        default=0.0, ge=0, lt=1, description="share of the documents of which nothing is in train; their pairs are tested on as well"
    )
    siblings: bool = Field(default=True, description="keep near-identical questions in one split even where their responses differ")

    @model_validator(mode="after")
    def _leave_something_to_train(self) -> Self:
        if self.test + self.validation + self.held_out_documents > 0.7:
            raise ValueError("test, validation and held_out_documents together may take at most 0.7, or nothing is left to train on")
        return self


class FileRecipe(Section):
    """What decides which pairs of a file are chosen."""

    seed: int = Field(default=0, ge=0, description="seed of every random choice")
    findings: FindingsSection = FindingsSection()
    screen: ScreenSection = ScreenSection()
    decontaminate: DecontaminateSection = DecontaminateSection()
    embed: EmbedSection = EmbedSection()
    endpoint: EndpointSection = EndpointSection()
    curate: FileCurateSection = FileCurateSection()
    choose: ChooseSection = ChooseSection()
    split: FileSplitSection = FileSplitSection()
