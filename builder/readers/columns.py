"""Which columns and keys hold a question, its answer, and what both are about, in the languages of common exports."""

from collections.abc import Iterable

QUESTION = ("question", "questions", "q", "frage", "fragen", "pregunta", "domanda", "vraag", "pergunta", "pytanie", "问题", "質問")
ANSWER = (
    "answer", "answers", "a", "antwort", "antworten", "réponse", "reponse", "respuesta", "risposta", "antwoord", "resposta",
    "odpowiedź", "回答", "答案",
)  # fmt: skip
TOPIC = (
    "product", "category", "topic", "section", "produkt", "kategorie", "thema", "produit", "catégorie", "producto", "categoría",
    "prodotto", "categoria",
)  # fmt: skip


def find(names: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    """Return the name in `names` that is one of `wanted`, whatever its case."""
    return next((name for name in names if name.strip().lower() in wanted), None)
