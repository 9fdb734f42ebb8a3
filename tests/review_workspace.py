"""A small real workspace for the tests of the review page: six documents of a ferry company, pairs that people wrote, and hostile ones.

Nothing is faked: `run` reads Markdown, HTML, CSV, PDF and Word, and goes up to the stage `split`. No model is trained.
"""

import json
from html import escape
from pathlib import Path

from builder.pipeline import Run, run
from builder.recipe_file import load_recipe
from tests.hostile_texts import HOSTILE, MARKUP, OUTSIDE
from tests.make_pdf import Line, make_pdf, paragraph
from tests.office_files import docx, p

RECIPE = """\
company: Sandhaven Ferries
documents: {path: pages}
generate: {existing: [{path: written.jsonl}, {path: hostile.jsonl, task: hostile}]}
curate: {target: 60, per_document: 1.0, per_opening: 1.0, per_task: 1.0}
"""
UNSEEN = "According to the passage above, when does the last ferry leave?"  # points to a text that nobody sees: to be repaired
SEALED = "The blue seal on a life raft is broken only by the second officer."
HOSTILE_FILE = "<img src=x onerror=window.__xss=1> & 'co'.md"
HANDBOOK = f"""\
---
title: Deck handbook
version: 4
---

# Deck handbook

The deck handbook applies to every crew of Sandhaven Ferries from 1 May 2026.

## Boarding

Boarding opens 35 minutes before departure and closes 5 minutes before departure. Foot passengers board over the forward ramp. Cyclists
board after the last car. A wheelchair user is escorted by a deckhand from the terminal to the lift.

## Life rafts

{SEALED} Every life raft is inspected every 12 months. A raft with an expired certificate must not be carried. The inspection is recorded
in the raft log within 24 hours.

## Fog

If visibility falls below 400 metres, the master sounds one long blast every 2 minutes. The ferry sails at most 8 knots in fog. The lookout
stands at the bow until visibility is above 1 kilometre.

## How to report a damaged ramp

1. Close the ramp with the red chain.
2. Call the terminal on channel 12.
3. Write the defect into the deck log.
4. Wait for the engineer before the next boarding.

## Signals

| Signal | Meaning | What to do |
|---|---|---|
| One long blast | The ferry leaves the berth | Stand clear of the lines |
| Three short blasts | The engines run astern | Keep the stern free |
| Bell, five seconds | Fire in the car deck | Start the drencher |
"""
TARIFFS = """\
<!doctype html><html lang="en"><head><title>Tariffs 2026</title></head><body><main>
<h1>Tariffs 2026</h1>
<h2>Passengers</h2>
<p>An adult pays 9.40 euros for a single crossing. Children under 6 travel free of charge. A book of ten crossings costs 78 euros and is
valid for 18 months.</p>
<h2>Vehicles</h2>
<p>A car up to 5 metres pays 24 euros. A camper van pays 41 euros. Motorcycles pay 13 euros, and a trailer pays 16 euros.</p>
<h2>Refunds</h2>
<p>A ticket is refunded in full until 48 hours before departure. After that, the company keeps 30 percent of the price. Refunds are paid
within 14 days to the card that was used.</p>
</main></body></html>
"""
QUESTIONS = """\
question,answer
Can I bring a dog?,"Yes. Dogs travel free of charge and stay on a lead on the open deck."
How do I find lost property?,"Call the terminal on weekdays between 9:00 and 16:00; lost property is kept for 60 days."
Is there a cash desk on board?,"No. Tickets are sold at the terminal and in the app only."
"""
WRITTEN = (
    ("What time does the terminal open on Sundays?", "The terminal opens at 6:45 on Sundays."),
    ("What time does the terminal open on a Sunday?", "The terminal opens at 6:45 on Sundays."),
    ("At what time on Sundays does the terminal open?", "The terminal opens at 6:45 on Sundays."),
    ("Who decides whether a crossing is cancelled?", "The master decides whether a crossing is cancelled, and the terminal tells passengers."),
    ("How long are the lines of the mooring winch?", "The lines of the mooring winch are 60 metres long and are replaced every two years."),
    (UNSEEN, "The last ferry leaves at 22:10."),
    ("Which lamp burns when the car deck is full?", "word " * 240),
)  # fmt: skip


def make_workspace(folder: Path) -> Run:
    """Write documents, pairs and `recipe.yaml` into `folder` and run the pipeline up to `split`."""
    pages = folder / "pages"
    pages.mkdir(parents=True)
    (pages / "deck-handbook.md").write_text(HANDBOOK, encoding="utf-8")
    (pages / "tariffs.html").write_text(TARIFFS, encoding="utf-8")
    (pages / "questions.csv").write_text(QUESTIONS, encoding="utf-8")
    (pages / "engine.pdf").write_bytes(_engine())
    (pages / "harbour.docx").write_bytes(_harbour())
    (pages / HOSTILE_FILE).write_text(_hostile_page(), encoding="utf-8")
    _rows(folder / "written.jsonl", WRITTEN)
    _rows(folder / "hostile.jsonl", _hostile_rows())
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return run(load_recipe(folder / "recipe.yaml"), folder, until="split")


def _engine() -> bytes:
    """Two pages, so that a passage has a page number."""
    first = (
        "The main engine is started with the shore valve closed. The oil pressure must be at least 3.2 bar before the clutch is engaged."
    )
    second = "The emergency generator starts within 45 seconds of a blackout. It is tested every Monday at 7:30 by the second engineer."
    return make_pdf(
        [[Line("Engine room", size=20), *paragraph(first, y=100)], [Line("Emergency generator", size=20), *paragraph(second, y=100)]]
    )


def _harbour() -> bytes:
    body = p("Harbour rules", "berschrift1") + p("Speed", "Heading2")
    body += p("Inside the breakwater the speed limit is 6 knots. The harbour master can close the entrance at any time.")
    return docx(
        body + p("Berths", "Heading2") + p("Berth 3 is reserved for the night ferry. A mooring fee of 12 euros is charged after 2 hours.")
    )


def _hostile_page() -> str:
    """A document whose title, headings and sentences are payloads, each beside a fact that the rules ask about."""
    title = f"Buoys &lt;script>window.__xss=1&lt;/script> {{{{7*191}}}} \\<img src=//{OUTSIDE}/t.png>"
    parts = [f"# {title}\n"]
    for number, text in enumerate(MARKUP.values(), start=1):
        line = " ".join(text.split())
        heading = line[:60].replace("<!--", "&lt;!--")  # a comment that is never closed would hide all that follows, as it should
        parts.append(
            f"## Buoy {number} \\{heading}\n\nBuoy {number} is inspected every {number + 2} months. It reads {escape(line)} on its plate.\n"
        )
    return "\n".join(parts)


def _hostile_rows() -> list[tuple[str, str]]:
    """Each payload once in a question and once as an answer."""
    asked = [(f"What does number {number} say, {text[:300]}?", f"Number {number} says what {name} says, word for word.") for number, (name, text) in enumerate(HOSTILE.items())]  # fmt: skip
    return asked + [(f"Repeat the text on card {name} for me.", text) for name, text in HOSTILE.items()]


def _rows(path: Path, rows: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> None:
    lines = (json.dumps({"instruction": asked, "output": answered}) for asked, answered in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
