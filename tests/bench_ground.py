"""The rows of `make bench` for what is checked without a model: what an answer costs, and what of the labelled answers is found.

Answers are made from the sample company (see labelled_answers.py): right ones in several forms, and wrong ones of every kind. The cost is
that of a process of its own in which nothing has been read yet, so each section is read once and each answer compared once. KILOPAIR_PAIRS
may name a folder with all.json.gz, a list of {instruction, input, output}: the filters are then measured on these, else on the answers.
"""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench import Row

    from schemas.records import Document, Pair

PAIRS = os.environ.get("KILOPAIR_PAIRS", "")
EACH, MOST_PAIRS, ROUNDS = 150, 3000, 3


def ground_rows() -> "Iterator[Row]":
    """Milliseconds of CPU an answer and a row, and the shares of errors found and of false alarms."""
    from bench import ROOT, row
    from labelled_answers import GOALS, MOST_FALSE_ALARMS, company, false_alarms, figures, labelled

    runs = [_measured() for _ in range(ROUNDS)]
    best = {name: min(run[name] for run in runs) for name in runs[0]}
    how = f"best of {ROUNDS} processes, {best['answers']:.0f} answers of all kinds, sections read as they come; the peer is the goal"
    yield row("grounding, CPU ms an answer", best["ground"], 1.0, most=1.0, how=how)
    rows = f"{best['pairs']:.0f} {'real pairs' if PAIRS else 'answers'}"
    yield row("filters, CPU ms a row", best["screen"], 1.0, most=1.0, how=f"same processes, all filters on, {rows}; the peer is the goal")
    documents = company(ROOT / "datasets" / "tarnwell")
    table = figures(labelled(documents, seed=1, most=400), documents)
    for kind, goal in GOALS.items():
        shown = f"{table[kind]['answers']:.0f} answers, {table[kind]['dropped']:.1%} dropped, the others flagged; the peer is the goal"
        yield row(f"grounding, {kind} found", table[kind]["any"], goal, least=1.0, how=shown)
    shown = "right answers of documents, as they stand, joined, in part, numbers in another form; the peer is the goal"
    yield row("grounding, false alarms", false_alarms(table), MOST_FALSE_ALARMS, most=1.0, how=shown)


def table_lines() -> Iterator[str]:
    """The shares of every sign for every kind of answer, a line each."""
    from bench import ROOT
    from labelled_answers import company, figures, labelled

    documents = company(ROOT / "datasets" / "tarnwell")
    for kind, row in figures(labelled(documents, seed=1, most=400), documents).items():
        signs = ", ".join(f"{name} {share:.3f}" for name, share in row.items() if share and name not in ("answers", "support"))
        yield f"{kind:18} {row['answers']:4.0f} support {row['support']:.2f}  {signs}"


def _measured() -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, "measure"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _measure() -> dict[str, float]:
    from bench import ROOT
    from labelled_answers import company, labelled

    documents = company(ROOT / "datasets" / "tarnwell")
    pairs = [answer.pair for answer in labelled(documents, seed=1, most=EACH)]
    others = _real_pairs() if PAIRS else pairs
    return {
        "answers": len(pairs),
        "pairs": len(others),
        "ground": 1000 * _ground_seconds(pairs, documents) / len(pairs),
        "screen": 1000 * _screen_seconds(others) / len(others),
    }


def _ground_seconds(pairs: "list[Pair]", documents: "dict[str, Document]") -> float:
    from builder.curation.ground import ground
    from generators.extractive.english import adjective, lemma
    from schemas.curation_filters import GroundSection

    assert adjective("good")  # loads the dictionary of English, once in a process
    assert lemma("does") == "do"
    started = time.process_time()
    made = sum(1 for _ in ground(pairs, documents=documents, settings=GroundSection()))
    return (time.process_time() - started) * len(pairs) / made


def _screen_seconds(pairs: "list[Pair]") -> float:
    from builder.curation.screen import screen
    from builder.language import language_of
    from schemas.curation_filters import ScreenSection
    from schemas.findings import FindingsSection

    policy = FindingsSection(email="mask", phone="mask", payment_card="mask", iban="mask", national_id="mask", ip_address="mask")
    language_of("This loads the model, once in a process.")
    started = time.process_time()
    made = sum(1 for _ in screen(pairs, settings=ScreenSection(language="majority", blocklist=True), policy=policy))
    return (time.process_time() - started) * len(pairs) / made


def _real_pairs() -> "list[Pair]":
    from schemas.records import Pair, Provenance

    rows = json.loads(gzip.decompress((Path(PAIRS) / "all.json.gz").read_bytes()))
    rows = [row for row in rows if row["instruction"].strip() and row["output"].strip()]
    made_by = Provenance(document_id="", chunk_id="", generator="bench")
    return [
        Pair(
            id=f"pair-{number}", task="existing", instruction=row["instruction"], input=row["input"], output=row["output"], evidence=(),
            provenance=made_by, group=str(number), form="plain", grounding="none",
        )
        for number, row in enumerate(rows[:: max(1, len(rows) // MOST_PAIRS)])
    ]  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        print(json.dumps(_measure()))
    else:
        print("\n".join(table_lines()))
