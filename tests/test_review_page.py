"""The review page as it stands in its files: what a browser would not tell before somebody cannot read or reach something."""

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from schemas.review import REASONS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGE = Path(__file__).parent.parent / "builder" / "review" / "page"
SCRIPTS, STYLES, TEMPLATES = (sorted(PAGE.glob(f"*.{kind}")) for kind in ("js", "css", "html"))
CONTROLS = "input, select, textarea, button"
# What is read on what: AA asks for 4.5 of text (WCAG 2.2, 1.4.3), 3 of the edges of controls and of the focus (1.4.11).
TEXTS = (
    ("ink", "page"), ("ink", "card"), ("ink", "sunken"), ("ink", "paper"), ("ink", "tuned-tint"), ("ink", "hit"),
    ("soft", "page"), ("soft", "card"), ("soft", "sunken"), ("soft", "paper"), ("soft", "tuned-tint"),
    ("tuned", "page"), ("tuned", "card"), ("tuned", "tuned-tint"), ("on-tuned", "tuned"), ("on-good", "good"), ("on-bad", "bad"),
    ("good", "page"), ("good", "card"), ("good", "good-tint"), ("good", "tuned-tint"),
    ("bad", "page"), ("bad", "card"), ("bad", "bad-tint"), ("bad", "tuned-tint"),
    ("warn", "page"), ("warn", "card"), ("warn", "warn-tint"), ("warn", "tuned-tint"), ("on-mark", "mark"), ("page", "ink"),
)  # fmt: skip
EDGES = (
    ("edge", "page"),
    ("edge", "card"),
    ("edge", "sunken"),
    ("focus", "page"),
    ("focus", "card"),
    ("focus", "paper"),
    ("tuned", "page"),
)
HOOKS = (
    "queue", "card", "accept", "reject", "edit", "skip", "undo", "next", "previous", "reasons", "state", "saved", "filter-where", "filter-state",
    "filter-task", "filter-document", "filter-reason", "sort", "search", "bulk", "bulk-open", "bulk-action", "bulk-reason", "bulk-go",
    "progress", "help", "source", "name",
)  # fmt: skip


def rendered(name: str = "review.html") -> LexborHTMLParser:
    made = jinja2.Environment(loader=jinja2.FileSystemLoader(PAGE), autoescape=True, undefined=jinja2.StrictUndefined)
    return LexborHTMLParser(made.get_template(name).render(csrf="c", reviewer="ann", active="review", reasons=REASONS))


def colours(theme: int) -> dict[str, str]:
    """The custom properties of kilopair.css in one theme: 0 light, 1 dark."""
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", (PAGE / "kilopair.css").read_text("utf-8"))
    return {name: both[theme] for name, *both in found}


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def first(page: LexborHTMLParser | LexborNode, selector: str) -> LexborNode:
    found = page.css_first(selector)
    assert found is not None, selector
    return found


def named(node: LexborNode, page: LexborHTMLParser) -> str:
    """The name of a control as a screen reader finds it."""
    given = node.attributes
    if label := given.get("aria-label"):
        return label
    if given.get("id") and (found := page.css_first(f'label[for="{given["id"]}"]')):
        return found.text(strip=True)
    parent = node.parent
    while parent is not None and parent.tag != "label":
        parent = parent.parent
    own = node.text(strip=True) if node.tag == "button" else ""
    return parent.text(strip=True) if parent is not None else own


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read_and_every_edge_be_seen_in_light_and_dark(theme: int):
    known = colours(theme)
    found = {(pair, least): contrast(known[pair[0]], known[pair[1]]) for pairs, least in ((TEXTS, 4.5), (EDGES, 3.0)) for pair in pairs}

    assert {key: round(value, 2) for key, value in found.items() if value < key[1]} == {}


def test_every_colour_is_written_once_for_both_themes():
    free = {path.name: re.findall(r"#[0-9a-fA-F]{3,8}\b(?![\w-]*\s*[{,:.>~+\[])", path.read_text("utf-8")) for path in STYLES}

    assert {name: found for name, found in free.items() if found and name != "kilopair.css"} == {}
    assert set(re.findall(r"var\(--([\w-]+)\)", "".join(path.read_text("utf-8") for path in STYLES))) - {"share"} <= set(
        re.findall(r"--([\w-]+):", (PAGE / "kilopair.css").read_text("utf-8"))
    )


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_or_code_of_text(path: Path):
    text = path.read_text("utf-8")

    assert '"use strict"' in text
    assert (
        re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc|\beval\(|new Function", text
        )
        == []
    )
    assert re.findall(r"setTimeout\(\s*[\"'`]|javascript:|\.setAttribute\(\s*[\"']style", text) == []


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES, *TEMPLATES], ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path: Path):
    urls = set(re.findall(r"https?://[^\s\"'`)]+|[\"'(]//[\w.]+", path.read_text("utf-8")))

    assert urls <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in path.read_text("utf-8")


def test_no_template_holds_inline_code_or_styles():
    page = rendered()

    assert [node.attributes for node in page.css("*") if any(name == "style" or name.startswith("on") for name in node.attributes)] == []
    assert [node.text() for node in page.css("script, style") if node.text(strip=True)] == []


def test_every_control_has_a_name_and_every_dialog_a_title():
    page = rendered()

    assert [node.html for node in page.css(CONTROLS) if not named(node, page)] == []
    titles = [node.attributes.get("aria-labelledby") for node in page.css("dialog")]
    assert titles
    assert [title for title in titles if not title or page.css_first(f"#{title}") is None] == []


def test_ids_are_unique_and_all_that_scripts_look_for_is_there():
    ids = [node.attributes["id"] for node in rendered().css("[id]")]
    own = [PAGE / Path(str(node.attributes["src"])).name for node in rendered().css("script[src]")]
    code = "".join(path.read_text("utf-8") for path in own)
    made = set(re.findall(r'\bid: "([\w-]+)"', code)) | {f"edit-{name}" for name in ("instruction", "input", "output")} | {"problems-pair"}

    assert len(ids) == len(set(ids))
    assert set(HOOKS) <= set(ids)
    assert set(re.findall(r'byId\("([\w-]+)"\)', code)) <= set(ids) | made


def test_the_reasons_of_a_rejection_stand_in_the_order_of_their_keys():
    buttons = rendered().css("#reasons [data-reason]")

    assert [node.attributes["data-reason"] for node in buttons] == list(REASONS)
    assert [first(node, "kbd").text() for node in buttons] == [str(number) for number in range(1, 9)]


def test_headings_and_landmarks_are_in_order():
    page = rendered()

    assert [node.tag for node in page.css("body > *") if node.tag in {"header", "main"}] == ["header", "main"]
    assert first(page, "a.jump").attributes["href"] == f"#{first(page, 'main').attributes['id']}"
    assert all(node.attributes.get("aria-label") for node in page.css("section, nav"))
    assert first(page, "nav [aria-current=page]").text() == "Review"


# --- in a browser: what the scripts make of texts


@pytest.fixture(scope="module")
def scripts(chromium: "Browser") -> "Page":
    page = chromium.new_page()
    for name in ("text.js", "diff.js", "markdown.js"):
        page.add_script_tag(path=str(PAGE / name))
    return page


SHOWN = """([text, spans]) => {
  const ends = kilopair.unitsOf(text, spans.flat());
  const made = kilopair.passage(text, spans.map((_, at) => ({ start: ends[2 * at], end: ends[2 * at + 1] })));
  document.body.replaceChildren(made);
  return { marks: [...made.querySelectorAll("mark")].map((mark) => mark.textContent), text: made.textContent,
           tags: [...made.querySelectorAll("*")].map((node) => node.tagName.toLowerCase()) };
}"""


def spans_of(text: str, *quotes: str) -> list[list[int]]:
    return [[text.index(quote), text.index(quote) + len(quote)] for quote in quotes]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "quotes", "marks"),
    [
        ("The pass 🚢 costs 9 € a day.", ["costs 9 €"], ["costs 9 €"]),
        ("𝔄𝔅 # no heading\n\n# 😀 Fares 😀\n\nDay *return*: 12 €", ["Fares 😀", "12 €"], ["Fares 😀", "12 €"]),
        ("It **must be shown** at the gate.", ["It **must be shown** at"], ["It ", "must be shown", " at"]),
        ("| Who | Fare |\n|---|---|\n| Child \\| dog | 3 € |\n", ["Child \\| dog | 3 €"], ["Child ", "|", " dog", "3 €"]),
        ("1. Buy a ticket\n2. Show `it`\n   - to the *mate*\n", ["Show `it`"], ["Show ", "it"]),
        ("See [the fares](javascript:alert(1)) now", ["the fares"], ["the fares"]),
        ("```\n**raw** | kept\n```", ["**raw** | kept"], ["**raw** | kept"]),
        ("> Quoted line\n> goes on", ["line\n> goes"], ["line", "goes"]),
    ],
)
def test_evidence_is_marked_where_it_stands_whatever_markup_is_between(scripts: "Page", text: str, quotes: list[str], marks: list[str]):
    shown = scripts.evaluate(SHOWN, [text, spans_of(text, *quotes)])

    assert shown["marks"] == marks


@pytest.mark.slow
@given(st.lists(st.tuples(st.text("aé 🚢€𝔄.", min_size=1, max_size=40), st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=40))
def test_offsets_of_evidence_count_characters_as_the_records_do(scripts: "Page", passages: list[tuple[str, int, int]]):
    asked = [(text, sorted((start % (len(text) + 1), end % (len(text) + 1)))) for text, start, end in passages if text.strip()]
    shown = scripts.evaluate(f"(all) => all.map({SHOWN})", [[text, [span]] for text, span in asked])

    assert ["".join(found["marks"]) for found in shown] == [text[start:end] for text, (start, end) in asked]


@pytest.mark.slow
def test_a_passage_is_shown_as_headings_lists_tables_and_code(scripts: "Page"):
    text = "# A\n\n- b\n  - c\n\n1. d\n\n| e | f |\n|---|:-:|\n| g | h |\n\n```\ni\n```\n\n> j\n\n---\n\nk **l** _m_ `n` snake_case_name 2 * 3 * 4"
    shown = scripts.evaluate(SHOWN, [text, []])

    assert {"ul", "ol", "li", "table", "th", "td", "pre", "blockquote", "hr", "strong", "em", "code"} <= set(shown["tags"])
    assert "snake_case_name 2 * 3 * 4" in shown["text"]


@pytest.mark.slow
def test_markup_of_a_document_stays_text(scripts: "Page"):
    text = '<img src=x onerror="window.hurt=1"> <script>window.hurt=1</script> [x](https://evil.example) ![y](https://evil.example/p.png)'
    shown = scripts.evaluate(SHOWN, [text, []])

    assert "<script>window.hurt=1</script>" in shown["text"]
    assert set(shown["tags"]) <= {"p", "span"}
    assert scripts.evaluate("window.hurt") is None


HOSTILE = (
    "[",
    "![",
    "**a ",
    "__a ",
    "`a ",
    "`a ``b ",
    "**_",
    "> ",
    "- ",
    "| ",
    "[a](b ",
    '[a]("',
    "*",
    "a|b\n---\n",
    "<",
    "\\",
    " \t",
    "# ",
    "  - ",
)


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["", "x", "|x|\n|---|", "x\n---\n"])
def test_no_text_of_a_document_can_stop_the_page(scripts: "Page", ends: str):
    slow = scripts.evaluate(
        """([units, ends]) => units.map((unit) => {
            const [text, start] = [unit.repeat(60000 / unit.length) + ends, performance.now()];
            document.body.replaceChildren(kilopair.passage(text, [{ start: 9, end: 99 }]));
            return [unit, performance.now() - start];
        }).filter(([, took]) => took > 3000)""",
        [HOSTILE, ends],
    )

    assert slow == []


@pytest.mark.slow
def test_more_headings_than_a_call_takes_values_are_shown(scripts: "Page"):
    assert scripts.evaluate("() => kilopair.passage('#\\n'.repeat(200_000), []).textContent.length") > 200_000


WORDS = st.lists(st.sampled_from(["the", "ferry", " ", "  ", "\n", "9", "€", "🚢", ".", "ä", "Fähre", "-"]), max_size=30).map("".join)


@pytest.mark.slow
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=40))
def test_a_word_diff_holds_both_texts_whole(scripts: "Page", texts: list[tuple[str, str]]):
    diffs = scripts.evaluate("(texts) => texts.map(([before, after]) => kilopair.diff(before, after))", texts)

    for (before, after), parts in zip(texts, diffs, strict=True):
        assert "".join(part["text"] for part in parts if part["kind"] != "ins") == before
        assert "".join(part["text"] for part in parts if part["kind"] != "del") == after
        assert all(one["kind"] != other["kind"] for one, other in pairwise(parts))


@pytest.mark.slow
def test_a_diff_of_two_long_texts_takes_no_time(scripts: "Page"):
    took = scripts.evaluate(
        """() => { const words = (seed) => Array.from({ length: 6000 }, (_, at) => "w" + ((at * seed) % 997)).join(" ");
        const start = performance.now(); kilopair.diff(words(7), words(11)); return performance.now() - start; }"""
    )

    assert took < 2000
