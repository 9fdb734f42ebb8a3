"""What a recipe and the settings of a file of pairs say in the same words about the choice and the split; each adds its own."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.records import Record

Share = Annotated[float, Field(gt=0, le=1)]
Part = Annotated[float, Field(ge=0, lt=1)]
Length = Annotated[int, Field(ge=1)]

HELD_OUT = ("test", "validation", "paraphrase", "held_out_documents")
MOST_HELD_OUT = 0.7


class ChoiceSection(Record):
    """How pairs become about 1,000."""

    target: int = Field(default=1000, ge=1, description="pairs to choose")
    rouge_l: Share = Field(
        default=0.7, description="drop a question whose ROUGE-L F with a kept one of another fact is above this, as Alpaca does"
    )
    reworded: Share = Field(
        default=0.7,
        description="drop a pair that has more than this of its words (Dice, question and response) in common with one that asks the same "
        "in other words; 1: off",
    )
    alpaca: bool = Field(
        default=False, description="drop near questions exactly as Alpaca does: ASCII words of the question only, no siblings"
    )
    per_fact: Length | Literal["auto"] = Field(
        default="auto",
        description="most wordings of one fact in the chosen set; auto: 5, but 3 as long as there are other facts that rules can ask about",
    )
    per_document: Share = Field(default=0.06, description="largest share of one document in the chosen set")
    per_task: Share = Field(default=0.85, description="largest share of one task in the chosen set")
    per_opening: Share = Field(default=0.04, description="largest share of one opening (first three words of the question)")


class HeldOutSection(Record):
    """How the pairs are divided; pairs that share a passage or a fact stay together."""

    test: Part = Field(default=0.1, description="share of pairs on passages that no training pair uses")
    validation: Part = Field(default=0.05, description="likewise, for choosing settings")
    held_out_documents: Part = Field(
        default=0.05, description="share of the documents of which nothing is in train; their pairs are a test set of their own"
    )

    @model_validator(mode="after")
    def _leave_something_to_train(self) -> Self:
        names = [name for name in HELD_OUT if name in type(self).model_fields]
        if sum(getattr(self, name) for name in names) > MOST_HELD_OUT:
            told = f"{', '.join(names[:-1])} and {names[-1]} together may take at most {MOST_HELD_OUT:g}"
            raise ValueError(f"{told}, or nothing is left to train on")
        return self
