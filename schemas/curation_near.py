"""The recipe's settings of decontamination: which files hold questions that must not be trained on."""

from pathlib import Path

from pydantic import Field

from schemas.records import Record


class DecontaminateSection(Record):
    """Questions of your evaluation files that no pair may ask."""

    files: tuple[Path, ...] = Field(
        default=(),
        description="JSONL, JSON, CSV, TSV or Parquet files with the questions that you will evaluate with, relative to this file",
    )
    columns: tuple[str, ...] = Field(
        default=(),
        description="columns to compare; else instruction, question, prompt, query, text, problem, goal (with input), or a conversation",
    )
    shared_words: int = Field(default=8, ge=0, description="drop a pair that has so many words in a row in common with a question; 0: off")
    rouge_l: float = Field(default=0.7, gt=0, le=1, description="drop a pair whose question has a ROUGE-L F above this with one; 1: off")
    siblings: bool = Field(default=True, description="keep near questions that ask about another number or name")
