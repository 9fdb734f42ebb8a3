"""Which columns and keys hold a question, its answer, and what both are about, in the languages of common exports."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

QUESTION = (
    "question", "questions", "q", "frage", "fragen", "pregunta", "preguntas", "domanda", "vraag", "pergunta", "pytanie", "fråga",
    "spørgsmål", "otázka", "soru", "вопрос", "问题", "質問", "질문",
)  # fmt: skip
ANSWER = (
    "answer", "answers", "a", "antwort", "antworten", "réponse", "reponse", "réponses", "respuesta", "respuestas", "risposta", "antwoord",
    "resposta", "odpowiedź", "svar", "odpověď", "cevap", "ответ", "回答", "答案", "답변",
)  # fmt: skip
TOPIC = (
    "product", "category", "topic", "section", "produkt", "kategorie", "thema", "produit", "catégorie", "producto", "categoría",
    "prodotto", "categoria",
)  # fmt: skip

_QUESTION_MARK = re.compile(r"[?？؟]['\"”’»)\]*_\\]*\s*$")
_ASKING = 0.6  # of the cells of a column without a known name
_SAMPLE = 200  # rows that tell what the columns are
_FEW_ROWS = 2
_WORDS_OF_TEXT = 3


@dataclass(frozen=True)
class Roles:
    """The numbers of the columns of a table of questions; `header` is False where its first row is a question too."""

    question: int
    answer: int
    topic: int | None = None
    header: bool = True


def find(names: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    """Return the name in `names` that is one of `wanted`, whatever its case."""
    return next((name for name in names if name.strip().lower() in wanted), None)


def asks(text: str) -> bool:
    """Return whether `text` ends with a question mark."""
    end = text[-20:]
    return _has_mark(end) and _QUESTION_MARK.search(end) is not None


def _has_mark(text: str) -> bool:
    return "?" in text or "？" in text or "؟" in text


def roles(rows: Sequence[Sequence[str]]) -> Roles | None:
    """Return the columns of a table of questions and answers, told by its header or by its question marks."""
    return _named(rows[0]) or _by_marks(rows)


def _named(header: Sequence[str]) -> Roles | None:
    names = [cell.strip().strip("*_:").lower() for cell in header]
    if (question := _first(names, QUESTION)) is None or (answer := _first(names, ANSWER)) is None:
        return None
    return Roles(question, answer, _first(names, TOPIC))


def _first(names: Sequence[str], wanted: tuple[str, ...]) -> int | None:
    return next((place for place, name in enumerate(names) if name in wanted), None)


def _by_marks(rows: Sequence[Sequence[str]]) -> Roles | None:
    """Return one column of questions and the only other one of text."""
    rows = rows[:_SAMPLE]
    if len(rows) < _FEW_ROWS or not _has_mark("".join(chain.from_iterable(rows))):  # as in most tables
        return None
    columns = [[row[place].strip() if place < len(row) else "" for row in rows] for place in range(max(map(len, rows)))]
    asking = [place for place, cells in enumerate(columns) if _asking(cells) >= _ASKING]
    if len(asking) != 1:
        return None
    others = [place for place, cells in enumerate(columns) if place != asking[0] and _is_text(cells)]
    if len(others) != 1:
        return None
    return Roles(asking[0], others[0], header=not asks(rows[0][asking[0]] if asking[0] < len(rows[0]) else ""))


def _asking(cells: Sequence[str]) -> float:
    """The share of questions, the first row being a header as a rule."""
    return sum(map(asks, cells[1:])) / max(1, len(cells) - 1)


def _is_text(cells: Sequence[str]) -> bool:
    full = [cell for cell in cells[1:] if cell]
    return len(full) >= _ASKING * len(cells[1:]) and sum(len(cell.split()) for cell in full) >= _WORDS_OF_TEXT * len(full) > 0
