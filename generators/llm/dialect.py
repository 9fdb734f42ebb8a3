"""How a request is put on the wire: the ladder of ways to hold a reply to its schema, and the fields that endpoints differ on.

Every schema exists twice: the wire schema here lacks what endpoints differ on; the whole one is always enforced by us.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, Self, get_args

from pydantic import JsonValue

from generators.llm.answers import CUT, FUNCTION, read_answer, read_json
from generators.llm.calls import BudgetReachedError, Message, RefusedRequestError, Request, RequestFailedError, ServerFaultError, canonical
from generators.llm.wire import is_strict, wire_schema
from schemas.errors import EndpointError
from schemas.recipe import SET_BY_ENGINE

Rung = Literal["json_schema", "tools", "json_object", "text"]
TokenField = Literal["max_tokens", "max_completion_tokens"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
TOKEN_FIELDS: tuple[TokenField, ...] = get_args(TokenField)
OURS = frozenset(SET_BY_ENGINE)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

# Fields that some endpoints refuse, and that a request can do without.
PARAMETERS = frozenset({
    "temperature", "top_p", "top_k", "min_p", "seed", "n", "stop", "presence_penalty", "frequency_penalty", "repetition_penalty",
    "logit_bias", "logprobs", "top_logprobs", "reasoning_effort", "verbosity", "service_tier", "user", "store", "metadata",
    "prompt_cache_key", "safety_identifier", "parallel_tool_calls",
})  # fmt: skip
_ORDINARY_WORDS = frozenset({"n", "stop", "user", "store", "metadata"})  # mean a field only when quoted
SETTINGS = PARAMETERS - _ORDINARY_WORDS
_NAME, _QUOTED = re.compile(r"[a-z][a-z0-9_]*"), re.compile(r"[`'\"]([a-z][a-z0-9_.]*)[`'\"]")
_UNSUPPORTED = re.compile(
    r"unsupported|n[o']t support|unknown|unrecogni[sz]ed|unexpected|extra_forbidden|extra input|not permitted|not allowed|only the default"
    r"|not available|not implemented|no longer|deprecated|incompatible|cannot be used|not accept|must be 1\b"
)
_SCHEMA = r"schema|grammar|guided|structured|additionalproperties|strict"
_ABOUT: dict[Rung, re.Pattern[str]] = {
    "json_schema": re.compile(rf"response_?format|{_SCHEMA}"),
    "tools": re.compile(rf"\btool|function|{_SCHEMA}"),
    "json_object": re.compile(r"response_?format|json_object|json mode|structured"),
}
_ABOUT_STRICT = re.compile(r"strict|invalid schema|invalid_json_schema")


@dataclass(frozen=True)
class Dialect:
    """What an endpoint takes. `left_out` names the fields that it refused."""

    rung: Rung = "json_schema"
    token_field: TokenField = "max_tokens"  # noqa: S105 not that kind of token
    left_out: frozenset[str] = frozenset()
    strict: bool = True

    def body(self, request: Request) -> bytes:
        """Return the JSON body of a chat completion."""
        fields: dict[str, Any] = {
            "model": request.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            self.token_field: request.max_tokens,
        }
        fields |= {name: value for name, value in request.parameters.items() if name not in OURS and name not in self.left_out}
        held = _held_to(request.schema, self.rung, self.strict) if request.schema is not None else ""
        return f"{_ENCODER.encode(fields)[:-1]}{held}}}".encode("utf-8", "replace")

    def without(self, refusal: RefusedRequestError) -> "Dialect | None":
        """Return the dialect to try after a refusal, or None when the refusal is not about the form."""
        fields, text = refused_fields(refusal.words, refusal.said), _lower(refusal.words, refusal.said)
        if self.token_field in fields:
            other = next(field for field in TOKEN_FIELDS if field != self.token_field)
            return None if other in self.left_out else self._leaving_out({self.token_field}, token_field=other)
        if self.rung != "text" and _ABOUT[self.rung].search(text):
            return self._weaker(text)
        refused = (fields & PARAMETERS) - self.left_out
        return self._leaving_out(refused) if refused else None

    def _leaving_out(self, names: "frozenset[str] | set[str]", **changes: Any) -> "Dialect":
        return replace(self, left_out=self.left_out | names, **changes)

    def _weaker(self, text: str) -> "Dialect":
        if self.strict and self.rung != "json_object" and _ABOUT_STRICT.search(text):
            return replace(self, strict=False)
        return replace(self, rung=RUNGS[RUNGS.index(self.rung) + 1])

    def to_text(self) -> str:
        """Return the dialect as JSON, to be remembered."""
        return canonical({"rung": self.rung, "token_field": self.token_field, "left_out": sorted(self.left_out), "strict": self.strict})

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the dialect that was remembered, or raise ValueError."""
        found = json.loads(text)
        try:
            dialect = cls(found["rung"], found["token_field"], frozenset(map(str, found["left_out"])), bool(found["strict"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a dialect: {text[:80]}") from error
        if dialect.rung not in RUNGS or dialect.token_field not in TOKEN_FIELDS:
            raise ValueError(f"not a dialect: {text[:80]}")
        return dialect


def refused_fields(words: frozenset[str], said: str) -> frozenset[str]:
    """Return the fields of a request that a refusal calls unsupported."""
    text = _lower(words, said)
    if not _UNSUPPORTED.search(text):
        return frozenset()
    quoted = {name for path in _QUOTED.findall(said.lower()) for name in path.split(".")}
    named = {name for word in words for name in _NAME.findall(word.lower())} | quoted
    mentioned = set(_NAME.findall(text)) - _ORDINARY_WORDS
    return (PARAMETERS | set(TOKEN_FIELDS)) & (named | mentioned)


def is_about_form(words: frozenset[str], said: str) -> bool:
    """Whether a refusal is about how a request is put, so that another dialect may help."""
    text = _lower(words, said)
    return bool(refused_fields(words, said)) or any(pattern.search(text) for pattern in _ABOUT.values())


def _lower(words: frozenset[str], said: str) -> str:
    return " ".join((*sorted(words), said)).lower()


@lru_cache(maxsize=256)
def _held_to(schema: str, rung: Rung, strict: bool) -> str:
    """Return the rest of a body that holds the reply to a schema."""
    wire = wire_schema(json.loads(schema))
    closed = {"strict": True} if strict and is_strict(wire) else {}
    if rung == "json_schema":
        held: dict[str, Any] = {"response_format": {"type": rung, "json_schema": {"name": FUNCTION, **closed, "schema": wire}}}
    elif rung == "tools":
        function = {"name": FUNCTION, "description": "gives the reply", "parameters": wire, **closed}
        choice = {"type": "function", "function": {"name": FUNCTION}}
        held = {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
    else:
        held = {"response_format": {"type": rung}} if rung == "json_object" else {}
    return f",{_ENCODER.encode(held)[1:-1]}" if held else ""


Ask = Callable[[Request, Dialect], Awaitable[bytes]]
CODE = "heron-4172"  # no model says this unless it is held to the schema: no prompt mentions it
PROBE_TOKENS, GROWN_TOKENS = 64, 2048  # a model that thinks first may use up the small limit before it says a word
_CHANGES = 8  # most changes of one request's form
_CODE_SCHEMA = canonical({
    "type": "object", "properties": {"code": {"type": "string", "enum": [CODE]}}, "required": ["code"], "additionalProperties": False,
})  # fmt: skip
_OBJECT_SCHEMA = canonical({"type": "object"})
_GREETING = "How are you today? Answer in one short sentence of plain prose."
_JSON_QUESTION = "What does the abbreviation JSON stand for? Answer in one short sentence of plain prose."  # json_object needs the word


async def probe(ask: Ask, *, model: str, wanted: str, is_openai: bool, parameters: Mapping[str, JsonValue]) -> Dialect:
    """Return the best dialect that the endpoint honours: one tiny request per rung, whose schema no plain reply fits by chance.

    Raises:
        EndpointError: the endpoint answers none of the requests.
    """
    dialect = Dialect(token_field="max_completion_tokens" if is_openai else "max_tokens")
    if wanted != "auto":
        return replace(dialect, rung=next(rung for rung in RUNGS if rung == wanted))
    problems: list[str] = []
    for rung in RUNGS:
        schema = {"json_object": _OBJECT_SCHEMA, "text": None}.get(rung, _CODE_SCHEMA)
        question = _JSON_QUESTION if rung == "json_object" else _GREETING
        request = Request(model, (Message("user", question),), PROBE_TOKENS, parameters, schema, f"probe/{rung}", f"probe/{rung}")
        if rung == "text" and len(problems) < len(RUNGS) - 1:
            return replace(dialect, rung=rung, strict=True)  # it has answered, so there is no need to ask
        dialect, honoured = await _honours(ask, request, replace(dialect, rung=rung, strict=True), problems)
        if honoured:
            return dialect
    raise EndpointError(f"the endpoint answers none of the test requests ({problems[-1]}); correct the endpoint section of the recipe")


async def _honours(ask: Ask, request: Request, dialect: Dialect, problems: list[str]) -> tuple[Dialect, bool]:
    """Return the dialect with what was learned about fields, and whether the reply shows that its rung is honoured."""
    for _ in range(_CHANGES):
        try:
            return dialect, _shows(dialect.rung, await _thought_out(ask, request, dialect))
        except RefusedRequestError as refusal:
            other, problem = dialect.without(refusal), str(refusal)
        except BudgetReachedError:
            raise
        except (RequestFailedError, ServerFaultError) as error:
            other, problem = None, str(error)
        if other is None or other.rung != dialect.rung:
            problems.append(problem)
            return dialect, False
        dialect = other
    return dialect, False


async def _thought_out(ask: Ask, request: Request, dialect: Dialect) -> str:
    """Return what the model says, asked again with more room when thoughts or white space used up what it had, but not when prose did."""
    answer = read_answer(await ask(request, dialect))
    if answer.finish in CUT and (not answer.text.strip() or answer.text.lstrip().startswith(("<think>", "{"))):
        answer = read_answer(await ask(request.but(max_tokens=GROWN_TOKENS), dialect))
    return answer.text


def _shows(rung: Rung, text: str) -> bool:
    if rung == "text":
        return True
    try:
        found = read_json(text)
    except ValueError:
        return False
    return not found.flags if rung == "json_object" else found.value == {"code": CODE}
