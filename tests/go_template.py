"""The part of Go's text/template that our Modelfiles use, with its rules of trimming, to render them as Ollama would."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

_ACTION = re.compile(r'\{\{(?P<before>- )?(?P<body>(?:"(?:[^"\\]|\\.)*"|[^"}]|\}(?!\}))*?)(?P<after> -)?\}\}')


@dataclass
class _Block:
    """An action with what it holds; `others` is the else branch."""

    said: str
    inside: list[Any] = field(default_factory=list)
    others: list[Any] = field(default_factory=list)


def render(template: str, messages: list[dict[str, str]]) -> str:
    """Render a template over `.Messages`."""
    nodes, rest = _parse(_tokens(template))
    assert not rest
    return _run(nodes, {"dot": {"Messages": messages}, "root": {"Messages": messages}})


def _tokens(template: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    trim = False
    for action in _ACTION.finditer(template):
        text = template[place : action.start()]
        text = text.lstrip() if trim else text
        found.append(("text", text.rstrip() if action["before"] else text))
        found.append(("action", action["body"].strip()))
        place, trim = action.end(), bool(action["after"])
    text = template[place:]
    return [*found, ("text", text.lstrip() if trim else text)]


def _parse(tokens: list[tuple[str, str]]) -> tuple[list[Any], list[tuple[str, str]]]:
    """Return nodes up to an else or end that is not theirs, and what is left from there."""
    nodes: list[Any] = []
    while tokens:
        (kind, said), tokens = tokens[0], tokens[1:]
        if kind == "text":
            nodes.append(said)
        elif said == "end" or said.startswith("else"):
            return nodes, [(kind, said), *tokens]
        elif said.startswith(("if ", "range ")):
            block, tokens = _block(said, tokens)
            nodes.append(block)
        else:
            nodes.append(_Block(said))
    return nodes, []


def _block(said: str, tokens: list[tuple[str, str]]) -> tuple[_Block, list[tuple[str, str]]]:
    block = _Block(said)
    block.inside, tokens = _parse(tokens)
    (_, closing), tokens = tokens[0], tokens[1:]
    if closing.startswith("else if "):
        inner, tokens = _block(closing.removeprefix("else "), tokens)
        block.others = [inner]
    elif closing == "else":
        block.others, tokens = _parse(tokens)
        assert tokens[0] == ("action", "end")
        tokens = tokens[1:]
    return block, tokens


def _run(nodes: list[Any], scope: dict[str, Any]) -> str:
    out = ""
    for node in nodes:
        if isinstance(node, str):
            out += node
        elif node.said.startswith("range "):
            names, _, value = node.said.removeprefix("range ").partition(" := ")
            index, item = names.split(", ")
            for number, one in enumerate(_value(value, scope)):
                out += _run(node.inside, {**scope, "dot": one, index: number, item: one})
        elif node.said.startswith("if "):
            out += _run(node.inside if _value(node.said.removeprefix("if "), scope) else node.others, scope)
        else:
            out += str(_value(node.said, scope))
    return out


def _value(said: str, scope: dict[str, Any]) -> Any:
    words = _words(said)
    if len(words) == 1:
        return _word(words[0], scope)
    name, *given = words[0], *(_word(word, scope) for word in words[1:])
    return {"eq": lambda one, other: one == other, "len": len, "slice": lambda value, start: value[start:]}[name](*given)


def _words(said: str) -> list[str]:
    return re.findall(r'"(?:[^"\\]|\\.)*"|\((?:[^()]|\([^()]*\))*\)|\S+', said)


def _word(word: str, scope: dict[str, Any]) -> Any:
    if word.startswith("("):
        return _value(word[1:-1], scope)
    if word.startswith('"'):
        return json.loads(word)
    if word.isdigit():
        return int(word)
    if word.startswith("$."):
        return scope["root"][word[2:]]
    if word.startswith("$"):
        return scope[word]
    return scope["dot"][{"Role": "role", "Content": "content"}.get(word[1:], word[1:])]
