"""Facts of a small made-up run for tests of the report: everything that any part of it can show."""

from collections.abc import Mapping
from typing import Any

from builder.figures_in_words import generated
from builder.report.answers import side_by_side
from builder.report.coverage import coverage
from builder.report.diagnosis import diagnosis
from builder.report.gather import Facts
from builder.report.places import Places
from builder.report.prove import prove
from builder.report.rounds import rounds
from schemas.proof import Design
from schemas.records import Chunk, Document, Evidence, Pair, Provenance
from trainer.statistics.compare import compare, estimate
from trainer.statistics.family import adjust

TEXT = "# Boats\n\nA boat may be lent for 3 days.\n\nThe deposit is 40 euros.\n\n# Oars\n\nOars are free."
PAGE = Document.of(path="boats.md", title="Boats", format="md", text=TEXT, raw=b"")
CHUNKS = [Chunk.of(PAGE, 0, TEXT.index("# Oars"), ("Boats",), 20), Chunk.of(PAGE, TEXT.index("# Oars"), len(TEXT), ("Oars",), 6)]
DESIGN = Design(resamples=199)
SYSTEMS = {"base": 0.1, "few_shot": 0.2, "with_passage": 0.6, "tuned": 0.8}
CLASSES = ("highly_known", "maybe_known", "weakly_known", "unknown")


def a_pair(number: int, **changes: Any) -> Pair:
    """Return one of the pairs; evens are in train, odds in test."""
    start = TEXT.index("3 days")
    one = Pair(
        id=f"pair-{number:016x}",
        task="question_answering",
        instruction=f"For how long may boat {number} be lent?",
        output=f"Boat {number}: 3 days.",
        evidence=(Evidence.of(PAGE, start, start + 6),),
        provenance=Provenance(document_id=PAGE.id, chunk_id=CHUNKS[0].id, generator="extractive"),
        group=f"fact-{number}",
        form="lend/plain",
        split="test" if number % 2 else "train",
    )
    return one.model_copy(update=changes)


PAIRS = [a_pair(number) for number in range(40)]


def evaluation() -> dict[str, Any]:
    """Return an evaluation with intervals, a win rate and a forgetting probe."""
    rights = {name: [float(place < share * 40) for place in range(40)] for name, share in SYSTEMS.items()}
    estimates = [
        estimate(rights[name], design=DESIGN, of=("exact_match", name, where)).model_dump(mode="json")
        for name in SYSTEMS
        for where in ("paraphrase", "test")
    ]
    compared = adjust(
        [
            compare(rights[name], rights["tuned"], design=DESIGN, of=("exact_match", where, name, "tuned"))
            for name in ("base", "few_shot", "with_passage")
            for where in ("paraphrase", "test")
        ]
    )
    judged = compare(
        [0.0] * 30 + [1.0] * 10, [1.0] * 30 + [0.0] * 10, design=DESIGN, of=("win_rate", "compared questions", "base", "tuned")
    )
    bits = compare([-3.0, -3.5] * 9, [-3.1, -3.55] * 9, design=DESIGN, of=("bits_per_byte", "general text", "base", "tuned"))
    return {
        "estimates": estimates,
        "comparisons": [one.model_dump(mode="json") for one in compared],
        "declared": {"metric": "exact_match", "margin": 0.05, "seeds": 1},
        "noise_floor": {"exact_match": 0.0125},
        "confusion": {"test": {"classification": [{"system": "tuned", "labels": ["oar", "boat"], "columns": ["oar", "boat", "other"],
                                                   "counts": [[11, 2, 0], [0, 5, 3]]}]}},
        "sets": {},
        "notices": ["3 answers were cut"],
        "win_rate": {
            "model": "referee-1", "questions": 40, "sentence": judged.sentence, "undecided": {"request_failed": 2}, "cost": {},
            "against": {
                "base": {
                    "n": 40, "win": 30, "tie": 0, "loss": 10, "rate": 0.75, "low": 0.6, "high": 0.86, "swap_consistency": 0.9,
                    "equal_length": {"n": 12, "rate": 0.7083}, "longer_wins": 0.55, "words": {"tuned": 5.5, "base": 9.25},
                    "comparison": judged.model_dump(mode="json"), "sentence": judged.sentence,
                }
            },
        },
        "forgetting": {
            "sentence": "general text costs the same as before", "knew_general_text": True,
            "text": {"passages": 18, "base": 3.25, "tuned": 3.325, "registers": {"news": {"passages": 18, "base": 3.25, "tuned": 3.325}},
                     "comparison": bits.model_dump(mode="json")},
            "prompts": {
                "n": 2, "base": 1, "tuned": 0, "lost": 1, "gained": 0, "kinds": {"arithmetic": {"n": 2, "base": 1, "tuned": 0}},
                "rows": [{"kind": "arithmetic", "prompt": "What is 2 + 2?", "expected": ["4"], "answers": {"base": "4", "tuned": "3 days"},
                          "right": {"base": True, "tuned": False}}],
            },
        },
    }  # fmt: skip


def raw_diagnosis() -> dict[str, Any]:
    """Return a diagnosis.json."""
    failing = [pair for pair in PAIRS if pair.split == "test"][:4]
    parts = [{"name": "boats.md", "n": 20, "wrong": 4, "share": 0.2, "low": None, "high": None}]
    return {
        "n": 20, "wrong": 4, "causes": {"never_taught": 3, "not_learnt": 1}, "facts": [], "notices": [],
        "weak": {"by_document": parts, "by_section": parts, "by_form": parts, "by_task": [parts[0] | {"name": "question_answering"}]},
        "failures": [
            {"pair_id": one.id, "set": "test", "task": one.task, "form": one.form, "group": one.group, "document": "boats.md",
             "section": ["Boats"], "cause": "never_taught", "reason": f"no training pair is about this; the nearest is {PAIRS[0].id}",
             "taught": [], "nearest": [{"pair_id": PAIRS[0].id, "similarity": 0.5}]}
            for one in failing
        ],
        "transitions": [[5, 1, 0, 0], [2, 3, 0, 1], [4, 0, 1, 0], [11, 0, 0, 7]],
        "probe": {"by": "answers", "facts": 35},
        "suspects": [{"pair_id": PAIRS[2].id, "doubt": "conflict", "reason": "disagrees", "loss": 2.375, "score": 3.5, "other": PAIRS[4].id}],
    }  # fmt: skip


def raw_prove() -> dict[str, Any]:
    """Return a prove.json."""
    comparison = compare(
        [0.0] * 10 + [1.0] * 20, [0.0] * 8 + [1.0] * 22, design=DESIGN, of=("exact_match", "all_facts", "random", "curated")
    )
    seeds = [
        {"seed": seed, "scores": {"exact_match": 0.7 + seed / 16}, "sets": {"all_facts": {"exact_match": 0.7 + seed / 16}}}
        for seed in (0, 1)
    ]
    one = {"pairs": 20, "facts": 20, "tokens": 2048, "left_out": 0, "leaks": 0, "share": 1.0, "seeds": seeds}
    return {
        "selections": {"curated": one, "random": one}, "base": {"all_facts": {"exact_match": 0.125}}, "other_sets": [],
        "declared": {"metric": "exact_match", "set": "all_facts", "seeds": 2}, "questions": {"all_facts": 30},
        "comparisons": [comparison.model_dump(mode="json")], "sentence": comparison.sentence, "of": {"split": "abc"}, "seconds": 61.5,
        "curve": [{"share": share, "pairs": pairs, "mean": mean, "low": mean - 0.1, "high": mean + 0.1}
                  for share, pairs, mean in ((0.0, 0, 0.125), (0.3, 6, 0.5), (1.0, 20, 0.75))],
    }  # fmt: skip


def raw_iterate() -> dict[str, Any]:
    """Return an iterate.json."""
    comparison = compare([0.0] * 18 + [1.0] * 2, [0.0] * 6 + [1.0] * 14, design=DESIGN, of=("right", "weak_facts", "round_0", "round_1"))
    told = comparison.model_dump(mode="json")
    return {
        "n": 20, "documents": 1, "asked": 40, "wrong": 20, "known": 20, "best": 1, "stopped_because": "the round did not help",
        "rounds": [{"round": 1, "added": 9, "replaced": 0, "pairs": 29, "facts": 5, "passages": 2, "expected": 0.25, "weak_before": 0.1,
                    "weak_after": 0.7, "comparison": told, "since_start": told, "known": None, "control": None, "stopped_because": None}],
        "noise": told, "held_out": [told], "conflicts": [], "leaks": {"a": 0}, "notices": [], "sentence": comparison.sentence,
        "facts": [{"group": "g", "document": "boats.md", "section": ["Boats"], "question": "How long?", "reference": "3 days", "taught": 1,
                   "answers": ["1 day", "3 days"], "right": [False, True], "rounds": [1]}],
        "history": [{"pair_id": PAIRS[0].id, "round": 1, "change": "added", "group": "g", "why": "weak"}],
    }  # fmt: skip


def answers() -> list[dict[str, Any]]:
    """Return what was answered to the test questions."""
    rows = []
    for place, pair in enumerate(pair for pair in PAIRS if pair.split == "test"):
        right = place % 2
        scores = {name: {"exact_match": float(right), "token_f1": 0.25 + 0.75 * right} for name in SYSTEMS}
        told = dict.fromkeys(SYSTEMS, pair.output if right else "No idea.")
        rows.append({"pair_id": pair.id, "set": "test", "reference": pair.output, "answers": told, "scores": scores})
    return rows


def parts() -> dict[str, Any]:
    """Return every part of the facts by its field."""
    places = Places.of([PAGE], CHUNKS)
    curve = [{"step": step, "loss": 4 - step / 4, "validation_loss": 4.5 - step / 4, "learning_rate": 0.001 * step} for step in range(1, 9)]
    gates = [
        {"gate": "screen", "about": "the pair by itself", "came": 90, "left": 10, "reasons": {"too_short": 10}},
        {"gate": "select", "about": "the best", "came": 80, "left": 40, "reasons": {"over_cap": 30, "not_selected": 10}},
    ]
    return {
        "funnel": [{"name": name, "count": count, "left": 0} for name, count in (("files", 1), ("documents", 1), ("chunks", 2), ("c", 2), ("d", 90))],
        "reasons": [{"stage": "screen", "reason": "too_short", "count": 10, "examples": [{"text": "Why?", "detail": "1 word"}]}],
        "copies": {"pairs": 7, "clusters": 3, "reasons": {"duplicate": 7}, "sizes": {"2": 2, "6": 1},
                   "largest": [{"kept": "How long?", "size": 6, "copies": ["How long, please?"]}]},
        "coverage": coverage([PAGE], CHUNKS, PAIRS),
        "tasks": [{"task": "question_answering", "all": 40, "train": 20, "validation": 0, "test": 20, "paraphrase": 0}],
        "grounding": [{"grounding": "quoted", "count": 40, "share": 1.0, "conversations": 0}],
        "flags": {"fuzzy_quote": 3},
        "rules": {"lend": 40},
        "openings": [{"opening": "For how long", "count": 40, "share": 1.0}],
        "lengths": {"tokens": {"question": [8, 9, 9], "response": [5, 5, 6]}, "characters": {"question": [31, 30], "response": [16, 17]}},
        "splits": {"train": 20, "validation": 0, "test": 20, "paraphrase": 0},
        "chosen": {"gates": gates, "certificate": None, "conflicts": {}, "signs": [], "judge": {}, "student": {}, "curve": [],
                   "in_words": {"coverage": [], "variety": []}, "diversity": {"pairs": 40, "verbs": {"chart": [], "with_noun": 0}}},
        "review": {"items": 14, "states": {"accepted": 11, "rejected": 2, "edited": 1}, "rejected": [{"reason": "No longer true", "count": 2}],
                   "reviewers": [{"name": "ann", "accept": 11, "edit": 1, "repair": 0, "reject": 2, "skip": 0, "all": 14}], "shared": 9,
                   "agreement": ["ann and bob agree on 8 of 9; kappa 0.61 (0.02 to 1.00)"], "alpha": 0.6, "edits": [
                       {"by": "ann", "question": "For how long?", "note": "", "fields": {"output": [{"kind": "same", "text": "For "},
                        {"kind": "del", "text": "four"}, {"kind": "ins", "text": "3"}, {"kind": "same", "text": " days."}]}}]},
        "leaks": {"test_facts_elsewhere": 0},
        "base_figures": {"parameters": 1234567, "curve": curve},
        "train_figures": {"pairs": 20, "method": "full", "curve": curve, "epochs": [{"epoch": 1, "step": 4}, {"epoch": 2, "step": 8}],
                          "choice": {"rule": "last", "kept": 2}},
        "evaluation": evaluation(),
        "diagnosis": diagnosis(raw_diagnosis(), {pair.id: (pair.instruction, pair.output) for pair in PAIRS}),
        "prove": prove(raw_prove(), {"split": "abc"}),
        "iterate": rounds(raw_iterate()),
        "examples": side_by_side(answers(), places, PAIRS, count=6),
        "seconds": {"read": 0.5, "train": 61.25},
        "exported": {"boats-f16.gguf": {"bytes": 2_100_000, "n": 20, "prompts_equal": 1.0, "answers_equal": 0.95, "expected": 0.99, "right": 10,
                                        "right_kept": 9, "exact_match": 0.45, "token_f1": 0.675, "stop_rate": 1.0}},
        "costs": {"requests": 50, "calls": 53, "answered": 50, "tokens": 41234, "lost_tokens": 17, "usd": 0.0375, "again": 3, "median_seconds": 2.0,
                  "p95_seconds": 6.0, "tasks": [{"task": "question_answering", "calls": 53, "answered": 50, "tokens": 41234, "usd": 0.0375}]},
        "repeat": {"command": "kilopair run recipe.yaml", "workspace": "work", "kilopair": "0.1.0", "python": "3.11.7", "platform": "Linux", "seed": 0,
                   "libraries": {"torch": "2.13.0"}, "stages": {"read": {"content": "ab12", "seconds": 0.5}}},
    }  # fmt: skip


def facts(found: Mapping[str, Any]) -> Facts:
    """Return facts that hold these parts."""
    return Facts(company="Acme", generator="extractive", base="small", documents=1, pairs=len(PAIRS), generated=generated(PAIRS), **found)
