"""Signs of doubt: which facts have one, what it says, and that they are drafted and left out of the chosen set."""

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from builder.cli.main import group
from builder.select import select, without_doubtful
from generators.extractive.doubts import signs, told, wordy
from generators.extractive.facts import Fact
from generators.extractive.page import sections
from generators.interface import is_doubtful
from schemas.records import Document, Dropped, Evidence, Pair, Provenance, Reason

LONG = " ".join(f"Glove {number} is mended by Ada and her son." for number in range(20))
RULE = "If the kiln alarm rings, leave the kiln room at once, close both of its doors behind you, and call the porter from the yard of the workshop."


def signs_of(text: str, answer: str, family: str = "if_do", *, scoped: bool = False, passage: str = "") -> set[str]:
    """The signs of a fact that answers with these words of the text."""
    document = Document.of(path="a.md", title="Handbook", format="md", text=text, raw=b"")
    start = text.index(answer)
    fact = Fact(family, (), answer, ((start, start + len(answer)),), scoped=scoped, input=passage)
    return {sign.removeprefix("doubt_") for sign in signs(fact, sections(document)[-1], text)}


SIGNS = [
    ("goes_on", f"## Alarms\n\n{RULE} This holds for visitors too.", RULE, "duty"),
    ("more_follows", f"## Alarms\n\n{RULE} Glaze dries slowly.", RULE, "if_do"),
    ("leans", "## Alarms\n\nThis is the loudest bell of the kiln room.", "This is the loudest bell of the kiln room.", "define"),
    ("amid", f"## Alarms\n\nThe kiln runs at night. {RULE}", RULE, "if_do"),
    ("in_item", f"## Alarms\n\n- {RULE}\n\nGlaze dries slowly.", RULE, "if_do"),
    ("list_follows", f"## Alarms\n\n{RULE}\n\n- the bell\n- the lamp", RULE, "if_do"),
    ("link_lost", "## Guest vouchers\n\nAsk as [this guide](vouchers.md) says.", "Ask as [this guide](vouchers.md) says.", "topic"),
    ("part_left_out", f"## Alarms\n\n{RULE}\n\n![The way out](out.png)", RULE, "if_do"),
    ("bare_heading", f"## Overview\n\n{RULE}", RULE, "if_do"),
    ("several", "## Long breaks, cold lunches, and rides to the old workshop\n\nAsk Ada for them.", "Ask Ada for them.", "topic"),
    ("bare_heading", "## Gloves\n\nPotters wear long ones.", "Potters wear long ones.", "topic"),
    ("long_answer", f"## Old gloves\n\n{LONG}", LONG, "topic"),
    ("opinion", "## Gloves\n\nPotters should wear long gloves.", "Potters should wear long gloves.", "advice_s"),
]


@pytest.mark.parametrize(("sign", "text", "answer", "family"), SIGNS)
def test_a_sign_is_seen_where_it_is_and_not_in_what_comes_with_its_passage(sign: str, text: str, answer: str, family: str):
    assert signs_of(text, answer, family) == {sign}
    assert signs_of(text, answer, family, passage=text) == set()


def test_a_rule_that_stands_by_itself_has_no_sign():
    assert signs_of(f"## Alarms\n\n{RULE}\n\nGlaze dries slowly.", RULE) == set()
    assert signs_of(f"## Alarms\n\n{RULE} Glaze dries slowly.", RULE, "duty") == set()


def test_a_question_that_is_only_framed_by_its_topic_has_a_sign():
    assert signs_of(f"## Alarms\n\n{RULE}", RULE, scoped=True) == {"framed"}


def test_a_bare_row_has_a_sign_unless_it_is_described():
    text = "## Kilns\n\n| Part | Notes |\n|---|---|\n| Door | Only two are in use |\n| Lid | A plate of clay |"
    document = Document.of(path="a.md", title="Handbook", format="md", text=text, raw=b"")

    def of_row(key: str, cell: str) -> tuple[str, ...]:
        start = text.index(cell)
        return signs(Fact.of("describe", {"k": key}, cell, (start, start + len(cell))), sections(document)[1], text)

    assert of_row("Door", "Only two are in use") == ("doubt_row_alone",)
    assert of_row("the kiln part Door", "Only two are in use") == of_row("Lid", "A plate of clay") == ()


def test_a_section_with_sections_below_it_has_a_sign():
    text = "## Old gloves\n\nAda mends them.\n\n### The left ones\n\nThey take longer."
    document = Document.of(path="a.md", title="Handbook", format="md", text=text, raw=b"")
    fact = Fact.of("topic", {"x": "old gloves"}, "Ada mends them.", (15, 30))
    assert signs(fact, sections(document)[1], text) == ("doubt_parts_below",)


def test_a_short_order_and_a_long_question_of_yes_or_no_have_signs():
    assert signs_of("## Alarms\n\nIf it rings, leave.", "If it rings, leave.") == {"thin"}
    question = "May I park my trailer in the yard behind the old workshop while my own garage is being built?"
    assert is_doubtful(wordy(question, "Yes. You may."))
    assert not is_doubtful((*wordy(question, "You may until May."), *wordy("May I park my trailer in the yard?", "Yes. You may.")))


def test_the_signs_are_told_in_words():
    assert told(("repaired", "doubt_opinion", "doubt_amid")) == "it is advice; the rule stands in the middle of a paragraph"
    assert is_doubtful(("doubt_amid",))
    assert not is_doubtful(("repaired", "fuzzy_quote"))


def pair(number: int, *flagged: str) -> Pair:
    return Pair(
        id=f"pair-{number:016x}",
        task="question_answering",
        instruction=f"What is number {number}?",
        output="It is so.",
        evidence=(Evidence(document_id=f"doc-{number}", start=0, end=1, quote="x"),),
        provenance=Provenance(document_id=f"doc-{number}", chunk_id=f"chunk-{number}", generator="extractive", rule="define"),
        group=f"fact-{number}",
        form=f"define/{number}",
        flags=flagged,
    )


def test_doubtful_pairs_are_left_out_with_their_sign_or_chosen_after_the_others():
    pairs = [pair(number, *(["doubt_amid"] if number % 2 else [])) for number in range(20)]
    gone = [one for one in without_doubtful(pairs) if isinstance(one, Dropped)]
    assert {one.id for one in gone} == {one.id for one in pairs if one.flags}
    assert {(one.reason, one.detail) for one in gone} == {(Reason.DOUBTFUL, "the rule stands in the middle of a paragraph")}
    chosen = [one for one in select(pairs, target=12, per_fact=1) if isinstance(one, Pair)]
    assert Counter(bool(one.flags) for one in chosen) == {False: 10, True: 2}


PAGE = """# Workshop

## Kiln alarm

- If the kiln alarm rings, call the fire brigade at once.
- If the kiln alarm is silent, go on working.
"""


def test_the_chosen_set_has_them_only_if_the_recipe_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "workshop.md").write_text(PAGE)
    (tmp_path / "recipe.yaml").write_text("company: Acme\ndocuments: {path: pages}\n")
    assert {"doubtful"} <= counted("leave-out")
    assert "doubtful" not in counted("choose", "--set", "curate.doubtful=true")


def counted(workspace: str, *settings: str) -> set[str]:
    """The reasons of the curate stage."""
    command = ["curate", "recipe.yaml", "--quiet", "--set", f"workspace={workspace}", *settings]
    CliRunner().invoke(group, command, catch_exceptions=False, standalone_mode=False)
    return set(json.loads(Path(workspace, "manifest.json").read_text())["stages"]["curate"]["counts"]["dropped"])
