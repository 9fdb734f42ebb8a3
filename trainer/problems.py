"""What would be taught wrong, pair by pair: found before training, all at once, each with what to do about it.

`kilopair preview` shows the problems, training refuses them. The numbers P1..P131 are those of docs/pitfalls.md.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.errors import TrainingError
from schemas.records import Pair
from trainer.templates import PROBE_QUESTION, Template, after_prompt, is_marker

_NAMED, _TELLING = 8, 6  # pairs named in a message; letters of a heading that no text holds by chance


@dataclass(frozen=True)
class Problem:
    """Pairs that training refuses: what is found in them, which they are, and what to do."""

    what: str
    pairs: tuple[str, ...]
    advice: str
    noun: str = "pair"

    @property
    def found(self) -> str:
        """What is wrong with how many."""
        return f"{self.what} in {len(self.pairs):,} {self.noun}{'s' * (len(self.pairs) > 1)}"

    def __str__(self) -> str:
        """Return one line that names the first pairs."""
        more = f" and {len(self.pairs) - _NAMED} more" if len(self.pairs) > _NAMED else ""
        return f"{self.found}: {', '.join(self.pairs[:_NAMED])}{more}; {self.advice}"


def refuse(problems: Iterable[Problem]) -> None:
    """Raise a TrainingError of one line that lists every problem, if there is one."""
    if found := list(problems):
        more = "; kilopair preview --html PAGE lists all" if any(len(problem.pairs) > _NAMED for problem in found) else ""
        raise TrainingError("; ".join(map(str, found)) + more)


def pair_problems(pairs: Sequence[Pair], template: Template) -> Iterator[Problem]:
    """Yield what is wrong with the text of pairs, or with what the template makes of it; a pair is named once."""
    left = list(pairs)
    for what, advice, is_wrong in _checks(template):
        wrong = {pair.id for pair in left if is_wrong(pair)}
        left = [pair for pair in left if pair.id not in wrong]
        if wrong:
            yield Problem(what, tuple(dict.fromkeys(pair.id for pair in pairs if pair.id in wrong)), advice)


def _checks(template: Template) -> list[tuple[str, str, Callable[[Pair], bool]]]:
    """Return the checks in order: what one refuses, the later ones need not bear."""
    tokens, headings = template.control_tokens, _headings(template)
    return [
        ("no text where text belongs", "correct the file or drop them", _has_no_text),  # P23, P24
        ("half of a surrogate pair (no character)", "correct their text or drop them", _is_broken),  # P35
        ("a blank response", "drop them", lambda pair: not pair.output.strip()),  # P21, P22
        ("a blank question", "drop them", lambda pair: not pair.instruction.strip()),
        (
            "earlier turns that do not change between user and assistant",  # P27, P131
            "a conversation before the question begins with the user and ends with the assistant; correct them or drop the pairs",
            _is_out_of_turn,
        ),
        (
            "control tokens of the model",  # P17, P37
            "remove the tokens or drop the pairs",
            lambda pair: any(token in text for text in texts(pair) for token in tokens),
        ),
        (
            "a heading of the template, as if the prompt stood there twice,",  # P14
            "give the bare question and response: the template is added here",
            lambda pair: any(heading in text for text in texts(pair) for heading in headings),
        ),
        (
            f"a prompt that {template.source} writes otherwise when the answer follows, or not in full,",  # P53
            "look at one with kilopair preview --pair ID; correct the template or take another train.template",
            lambda pair: _is_rendered_otherwise(pair, template),
        ),
    ]


def texts(pair: Pair) -> list[str]:
    """Return all texts of a pair that the model sees."""
    return [pair.instruction, pair.input, pair.output, *(turn.content for turn in pair.history)]


def _has_no_text(pair: Pair) -> bool:
    return not all(isinstance(text, str) for text in texts(pair))


def _is_broken(pair: Pair) -> bool:
    return any("\ud800" <= letter <= "\udfff" for text in texts(pair) for letter in text)


def _is_out_of_turn(pair: Pair) -> bool:
    wanted = ("user", "assistant")
    return len(pair.history) % 2 == 1 or any(turn.role != wanted[place % 2] for place, turn in enumerate(pair.history))


def _headings(template: Template) -> list[str]:
    """Return what a template without control tokens writes after a question, if that is telling enough to be looked for."""
    prompt = template.prompt_text(PROBE_QUESTION)
    after = prompt.rpartition(PROBE_QUESTION)[2].strip()
    if len(after) < _TELLING or any(token in after for token in template.control_tokens):
        return []
    return [after if is_marker(after) else f"\n{after}\n"]


def _is_rendered_otherwise(pair: Pair, template: Template) -> bool:
    prompt = template.prompt_text(pair.instruction, pair.input, pair.history)
    said = template.messages(pair.instruction, pair.input, pair.history)
    after = after_prompt(prompt, template.whole_text(pair))
    answered = after == f"{template.lead}{pair.output.strip()}{template.closing}"
    return not answered or not all(message["content"] in prompt for message in said)


def twins(train: Sequence[Pair], validation: Sequence[Pair]) -> Iterator[Problem]:
    """Yield the validation pairs that repeat a training question, whatever its capitals and spaces: their loss would say nothing."""
    asked = {_asked(pair) for pair in train}
    if found := tuple(pair.id for pair in validation if _asked(pair) in asked):
        yield Problem("a training question asked again", found, "split again", noun="validation pair")  # P74


def _asked(pair: Pair) -> tuple[str, ...]:
    return tuple(" ".join(text.split()).casefold() for text in (pair.instruction, pair.input, *(turn.content for turn in pair.history)))


def too_long(lengths: Iterable[tuple[str | None, int]], limit: int | None) -> Iterator[Problem]:
    """Yield the pairs of more tokens than `limit`: a cut response teaches the model never to finish."""
    if limit is None:
        return
    if long := tuple(f"{name} ({length})" for name, length in lengths if length > limit):
        advice = "raise train.max_length, shorten them, or take a base with a longer context"
        yield Problem(f"more than {limit:,} tokens", long, advice)  # P1, P2, P36, P72
