"""The vectors in the body of an answer, and a body of the same vectors that takes a third of the room."""

import base64
import json

import numpy as np
from numpy.typing import NDArray

from generators.llm.answers import load


def read_rows(raw: bytes) -> list[NDArray[np.float64]] | None:
    """Return the vectors of an answer in the order of the texts; None if it holds none, or not numbers of one length."""
    body = load(raw)
    found = body.get("data") if isinstance(body, dict) else None
    try:
        ordered = sorted(found or [], key=lambda part: part.get("index", 0))
        rows = [_row(part["embedding"]) for part in ordered]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return rows if rows and len({len(row) for row in rows}) == 1 and len(rows[0]) else None


def compact(raw: bytes) -> bytes:
    """Return an answer with its vectors as base64 of 32-bit floats, which they end as anyway; what holds none stays as it is."""
    if not (rows := read_rows(raw)):
        return raw
    body = load(raw)
    packed = [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in rows]
    data = [{"index": number, "embedding": row} for number, row in enumerate(packed)]
    return json.dumps({"model": body.get("model"), "usage": body.get("usage"), "data": data}, separators=(",", ":")).encode()


def _row(embedding: object) -> NDArray[np.float64]:
    """Return one vector; some endpoints send base64 whatever they are asked for."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4").astype(np.float64)
    return np.array(embedding, dtype=np.float64).reshape(-1)
