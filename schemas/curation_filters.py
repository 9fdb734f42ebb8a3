"""The recipe's settings of what is checked without a model: `screen` for each pair by itself, `ground` against its documents."""

import re
from typing import Literal

from pydantic import Field, field_validator

from schemas.records import Record

_LANGUAGES = r"^(any|majority|[a-z]{2}(,[a-z]{2})*)$"


class ScreenSection(Record):
    """Which pairs leave before anything is compared: each filter by itself, off at 0 or false."""

    min_instruction_words: int = Field(default=2, ge=0, description="fewest words of a question; 0: any")
    max_instruction_words: int = Field(default=500, ge=0, description="most words of a question; 0: any")
    min_output_words: int = Field(default=1, ge=0, description="fewest words of a response; 0: any")
    max_output_words: int = Field(default=1500, ge=0, description="most words of a response; 0: any")
    repeated: float = Field(
        default=0.5, ge=0, le=1, description="largest share of the runs of five words of a response that it said before; 0: any"
    )
    compressed: float = Field(
        default=0.15, ge=0, lt=1, description="smallest size of a response packed by zlib, as a share of its own; 0: any"
    )
    refusals: bool = Field(default=True, description="drop responses that refuse, or speak as an AI")
    refers_to_text: bool = Field(
        default=True, description="drop what points to a text that nobody sees, such as 'according to the passage'"
    )
    language: str = Field(
        default="any",
        json_schema_extra={"pattern": _LANGUAGES},
        description="any; majority: that of most pairs; or ISO codes such as en or en,de: pairs in another language are dropped",
    )
    copied: float = Field(default=0.9, ge=0, le=1, description="drop a response whose ROUGE-L F with its question is above this; 0: off")
    cut_off: bool = Field(default=True, description="drop responses that break off")
    sensitive: bool = Field(default=True, description="drop pairs with what the section findings does not allow: secrets, personal data")
    blocklist: bool = Field(default=False, description="drop questions that Alpaca's own filter drops: images, files, programs, maps, ...")

    @field_validator("language")
    @classmethod
    def _language_is_known_form(cls, language: str) -> str:
        if not re.fullmatch(_LANGUAGES, language):
            raise ValueError(f"{language!r} is no language; say any, majority, or codes of two letters such as en or en,de")
        return language


class GroundSection(Record):
    """How answers are checked against their documents without asking a model."""

    refuse: Literal["sure", "never"] = Field(
        default="sure",
        description="sure: drop what has a foreign number or name or a contradiction in a sentence of the document; never: flag only",
    )
    thin: float = Field(
        default=0.6, ge=0, le=1, description="flag an answer of which a sentence has a smaller share of words in its source"
    )
