"""The report as a whole: self-contained, small, safe, complete, and whole whatever of a run is there."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import builder.report
from builder.report.chosen import iterated
from builder.report.coverage import coverage
from builder.report.diagnosis import diagnosis
from builder.report.markdown import markdown
from builder.report.prove import prove
from builder.report.render import SECTIONS, render
from builder.report.rounds import rounds
from builder.report.story import told
from schemas.records import Chunk, Document
from tests.report_facts import DESIGN, PAIRS, facts, parts, raw_diagnosis, raw_iterate, raw_prove
from trainer.statistics.compare import compare

PARTS = parts()
EVERYTHING = told(facts(PARTS).as_json())
SHOWN_BY = {  # section -> the field of the facts that it needs
    "comparison": "evaluation", "win_rate": "evaluation", "forgetting": "evaluation", "prove": "prove", "weak": "diagnosis", "rounds": "iterate",
    "answers": "examples", "covered": "coverage", "chosen": "chosen", "training": "train_figures", "again": "repeat",
}  # fmt: skip
HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(2)>\" ' onload=alert(3) | `rm` **x** {{ 7 * 7 }}"
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """What a browser would make of a page: its tags, attributes and texts; raises where tags do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & set(self._open):
            self.texts.append(data)


def test_the_page_needs_nothing_from_outside_and_runs_nothing():
    page = render(EVERYTHING)
    tags = Page(page).tags

    assert not {"script", "link", "iframe", "object", "embed", "img"} & {tag for tag, _ in tags}
    assert not re.search(r"https?://|@import|url\(", page)
    assert all((attributes.get("href") or "#").startswith("#") for _, attributes in tags)
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert len(page.encode()) < 200_000


def test_the_links_at_the_top_lead_to_every_section_there_is():
    page = Page(render(EVERYTHING))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]

    assert links == [f"#{name}" for name in SECTIONS if f"#{name}" in links]
    assert {link.removeprefix("#") for link in links if link} <= set(ids)
    assert len(ids) == len(set(ids))
    assert set(SHOWN_BY) <= {link.removeprefix("#") for link in links if link}


def test_every_drawing_is_named_or_hidden_and_most_carry_a_table():
    page = Page(render(EVERYTHING))
    drawings = [attributes for tag, attributes in page.tags if tag == "svg"]

    assert drawings
    assert all(one.get("aria-hidden") == "true" or (one.get("role") == "img" and one.get("aria-label")) for one in drawings)
    named = sum(one.get("role") == "img" for one in drawings)
    assert sum(attributes.get("class") == "numbers" for tag, attributes in page.tags if tag == "details") == named


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(sorted(PARTS))))
def test_the_report_is_whole_whatever_parts_of_a_run_are_there(there: set[str]):
    found = told(facts({name: PARTS[name] for name in there}).as_json())

    page, short = render(found), markdown(found)

    Page(page)
    for section, part in SHOWN_BY.items():
        assert (f'id="{section}"' in page) == (part in there), section
    for part in ("prove", "iterate", "diagnosis"):
        assert any(row["part"] == part for row in found["missing"]) == (part not in there)
    assert ("kilopair prove recipe.yaml" in short) == ("prove" not in there)
    assert len(found["key_figures"]) <= 5


def numbers(value: Any) -> Iterator[int | float | str]:
    """Yield every number and text of a JSON value, keys too."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (str(name), *numbers(inner))
    elif isinstance(value, list | tuple):
        yield len(value)
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, int | float | str) and not isinstance(value, bool):
        yield value


FIGURE = re.compile(r"\d[\d,]*\.?\d*(?:e-?\d+)?")


def test_every_figure_of_the_page_is_in_the_json():
    listed = list(numbers(json.loads(json.dumps(EVERYTHING))))
    known = {figure for text in listed if isinstance(text, str) for figure in FIGURE.findall(text)}
    for number in (number for number in listed if not isinstance(number, str)):
        ways = (
            f"{100 * number:.1f}",
            f"{100 * number:.0f}",
            f"{number:,}",
            f"{number:.2f}",
            f"{number:.3f}",
            f"{number:.4f}",
            f"{number:.4g}",
        )
        known |= {
            way.lstrip("-") for way in (*ways, f"{number / 1e6:.1f}", f"{number:,.0f}", f"{number:.0f}", f"{number - 3}", f"{number - 1}")
        }
    key = {"1", "2", "3", "4", "95", "100"}  # of the legends, and in "95 of 100"
    axes = re.compile(r'<details class="numbers">.*?</details>', re.DOTALL)  # bins of histograms

    shown = " ".join(Page(axes.sub("", render(EVERYTHING))).texts)

    assert {figure for figure in FIGURE.findall(shown) if figure.rstrip(".,") not in known | key and figure not in known} == set()


def poisoned(value: Any) -> Any:
    """Return a JSON value in which every text that could come from documents is hostile."""
    if isinstance(value, dict):
        return {name: poisoned(inner) if name not in KEYS else inner for name, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner) for inner in value]
    return f"{value} {HOSTILE}" if isinstance(value, str) else value


KEYS = {  # what kilopair itself decides
    "metric", "set", "first", "second", "verdict", "grounding", "unit", "cause", "rule", "class", "gate", "how", "part", "by", "system", "change", "command",
}  # fmt: skip


def test_hostile_texts_stay_texts_everywhere():
    found = told(poisoned(facts(PARTS).as_json()))

    page, short = render(found), markdown(found)

    tags = Page(page).tags
    assert not {"script", "img"} & {tag for tag, _ in tags}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert "{{ 7 * 7 }}" in page
    assert "<script" not in page
    assert not re.search(r"(?<!\\)<", short)
    assert not re.search(r"(?<!\\)`rm", "\n".join(line for line in short.splitlines() if not line.startswith("|")))


def test_the_markdown_is_one_table_row_per_line_whatever_a_name_holds():
    evaluation = json.loads(json.dumps(PARTS["evaluation"]).replace('"paraphrase"', '"a | b\\nc"'))

    short = markdown(told(facts({"evaluation": evaluation}).as_json()))

    rows = [line for line in short.splitlines() if line.startswith("|")]
    assert any("a \\| b c" in row for row in rows)
    assert all(row.endswith("|") for row in rows)


def test_a_very_large_run_still_fits_into_one_megabyte():
    text = "# A\n\nWords."
    documents = [Document.of(path=f"folder/{n:05}.md", title="A", format="md", text=text + str(n), raw=b"") for n in range(3000)]
    chunks = [Chunk.of(one, 3, 4 + place, ("A", f"Section {place}"), 1) for one in documents for place in range(8)]
    row = PARTS["examples"]["test"]["random"][0]
    long = row | {"answers": [{**one, "text": "word " * 180} for one in row["answers"]], "reference": "word " * 180}
    examples = {f"set {n}": {"n": 500, "random": [long] * 6, "worst": [long] * 3} for n in range(10)}
    many = {**PARTS, "coverage": coverage(documents, chunks, []), "examples": examples, "seconds": {f"stage {n}": 1.0 for n in range(30)}}

    found = told(facts(many).as_json())
    page = render(found)

    assert len(page.encode()) < 1_000_000
    assert found["drawn"]["sections"] == 24_000
    assert "further documents" in page


def test_the_first_thing_said_is_the_declared_comparison_with_n_and_interval():
    found = EVERYTHING["verdict"]
    page = " ".join(" ".join(Page(render(EVERYTHING)).texts).split())

    assert (found["metric"], found["set"], found["first"], found["second"]) == ("exact_match", "paraphrase", "base", "tuned")
    assert found["headline"].startswith("Tuned is better than base in exact match on paraphrase: +70.0 points")
    assert "n = 40" in found["evidence"]
    assert page.index("▲ better") < page.index(found["headline"]) < page.index("Who answers how well")
    assert "after Holm's correction for 6 comparisons" in page


def test_a_proof_of_other_pairs_says_that_it_is_stale():
    stale = told(facts({"prove": prove(raw_prove(), {"split": "other"})}).as_json())

    assert "of another state of the pairs" in render(stale)
    assert "of another state of the pairs" not in render(EVERYTHING)
    assert next(row["said"] for row in stale["minute"] if row["about"] == "Was it the data?").startswith("Of another state of the pairs")
    assert "Of another state of the pairs" in markdown(stale)


def test_selections_are_said_to_be_of_one_size_only_where_they_are():
    one = raw_prove()["selections"]["random"]
    few, part = one | {"pairs": 12}, one | {"pairs": 6, "share": 0.3}

    def page(**selections: object) -> str:
        raw = raw_prove()
        return render(told(facts({"prove": prove(raw | {"selections": raw["selections"] | selections})}).as_json()))

    assert "was trained on as many pairs chosen in other ways" in page(curated_30=part)
    assert "was trained on other selections of pairs, of the sizes in the table" in page(random_facts=few)
    assert "as many pairs chosen" not in page(own=few)


def test_rounds_that_began_with_other_pairs_say_that_they_are_stale():
    raw = raw_iterate() | {"of": {"split": "abc", "pretrain": "d"}}
    stale, fresh = (told(facts({"iterate": rounds(raw, {"split": split, "pretrain": "d"})}).as_json()) for split in ("other", "abc"))

    assert "These rounds began with another state of the pairs" in render(stale)
    assert next(row["said"] for row in stale["minute"] if row["about"] == "Rounds").startswith("Of another state of the pairs")
    assert "Of another state of the pairs" in markdown(stale)
    assert "nother state of the pairs" not in render(fresh) + markdown(fresh)
    assert not rounds(raw_iterate(), {"split": "abc"})["stale"]  # of a version that did not note it


def test_differences_by_another_measure_stand_apart_and_a_loss_is_said_to_be_negated():
    loss = compare([-3.0, -3.5] * 9, [-3.1, -3.55] * 9, design=DESIGN, of=("loss", "all_facts", "random", "curated"))
    match = compare([0.0] * 9 + [1.0] * 9, [1.0] * 18, design=DESIGN, of=("exact_match", "test", "random", "curated"))
    raw = raw_prove() | {"other_sets": [one.model_dump(mode="json") for one in (loss, match)]}

    page = Page(render(told(facts({"prove": prove(raw)}).as_json())))
    by_loss = raw_prove() | {"declared": {"metric": "loss"}, "comparisons": [loss.model_dump(mode="json")]}
    short = markdown(told(facts({"prove": prove(by_loss)}).as_json()))

    assert "| second against first | difference (negated: more is better) | interval |" in short
    assert [text.removeprefix("Chosen pairs against other selections, ") for text in page.texts if text.startswith("Chosen pairs against")] == [
        "exact match", "exact match", "loss of a token, questions weighing alike (negated: right of zero is better)",
    ]  # fmt: skip


def test_pairs_of_a_kept_round_are_told_so_that_the_way_adds_up():
    kept = iterated({"added": 5, "dropped": {"not_selected": 3}}, came=40)
    found = told(facts({"reasons": PARTS["reasons"], "chosen": PARTS["chosen"] | {"iterated": kept}}).as_json())

    assert [(step["name"], step["count"], step["left"]) for step in found["flow"][-2:]] == [
        ("chosen pairs", 40, 3), ("pairs, 5 added by kilopair iterate", 42, 0),
    ]  # fmt: skip
    assert "5 wordings of weak facts were added by <code>kilopair iterate --keep</code>" in render(found)
    assert iterated({"dropped": {}}, came=40) == {}
    assert EVERYTHING["flow"][-1]["name"] == "chosen pairs"


def test_wrong_answers_all_over_the_documents_are_not_said_to_be_about_a_few_of_them():
    def weakest(documents: int) -> str:
        raw = raw_diagnosis() | {"n": 10 * documents, "wrong": 4 * documents}
        rows = [{"name": f"{number}.md", "n": 10, "wrong": 4, "share": 0.4, "low": None, "high": None} for number in range(documents)]
        found = told(facts({"diagnosis": diagnosis(raw | {"weak": raw["weak"] | {"by_document": rows}}, {})}).as_json())
        return next(row["said"] for row in found["minute"] if row["about"] == "Weakest")

    assert weakest(2).endswith("; most are about 0.md 4 of 10, 1.md 4 of 10).")
    assert weakest(9).endswith("; worst: 0.md 4 of 10, 1.md 4 of 10, 2.md 4 of 10).")


def luminance(colour: str) -> float:
    short = colour.lstrip("#")
    whole = short if len(short) == 6 else "".join(letter * 2 for letter in short)
    parts = [int(whole[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_texts_and_lines_can_be_told_from_what_is_behind_them(theme: int):
    css = (Path(builder.report.__file__).parent / "sections" / "style.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", re.findall(r":root \{[^}]*\}", css)[theme]))

    for text in ("ink", "soft", "tuned", "good", "warn"):
        for behind in ("page", "card"):
            assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
    assert contrast(colours["ink"], colours["mark"]) >= 4.5
    assert contrast(colours["soft"], colours["mark"]) >= 4.5
    assert contrast(colours["base"], colours["card"]) >= 3


def test_the_facts_of_the_tests_are_as_the_run_makes_them():
    assert len(PAIRS) == 40
    assert {name for name in EVERYTHING if not EVERYTHING[name]} <= {"asked", "tuned_overall", "missing", "base_read_the_documents"}
