"""What a person changed of an item becomes a pair by the checks that every draft passes, or says at which field it does not."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.review.repair import Settings, draft_in, id_after, repaired
from builder.validate import validate
from schemas.errors import RecipeError
from schemas.recipe import CurateSection
from schemas.records import Chunk, Document, Draft, Dropped, Evidence, Pair, Provenance, Reason, Turn
from schemas.review import Texts

TEXT = (
    "# Kiln\n\nThe kiln fires at **1,240 °C** for 9 hours. Open it below 80 °C.\n\n## Glaze\n\nGlazes rest 2 hours. Open it below 80 °C.\n"
)
OTHER = "# Store\n\nClay is stored at 15 °C, away from the kiln.\n"
KILN, STORE = (
    Document.of(path=f"{name}.md", title=name, format="md", text=text, raw=b"") for name, text in (("kiln", TEXT), ("store", OTHER))
)
GLAZE = Chunk.of(KILN, TEXT.index("## Glaze"), len(TEXT), ("Kiln", "Glaze"), 20)
SOURCES = {"documents": {KILN.id: KILN, STORE.id: STORE}, "chunks": {GLAZE.id: GLAZE}}
FEW = Settings(max_words=30)


def draft(instruction: str = "How hot does the kiln get?", output: str = "1,240 °C.", **fields) -> Draft:
    made = Provenance(document_id=KILN.id, chunk_id=fields.pop("chunk_id", "chunk-1"), generator="test")
    given = {"task": "qa", "group": "fire", "form": "plain", "quotes": ("1,240 °C",), **fields}
    return Draft.of(instruction=instruction, output=output, provenance=made, **given)


def pair(**fields) -> Pair:
    (made,) = validate([draft(**fields)], documents=SOURCES["documents"], max_words=30)
    assert isinstance(made, Pair)
    return made


def change(item: Draft | Pair, rules: Settings = FEW, **texts) -> Pair | list:
    return repaired(item, Texts.of(item).model_copy(update=texts), **SOURCES, settings=rules)


def test_an_edited_pair_keeps_evidence_fact_and_form_and_loses_what_was_found_out_about_its_old_text():
    old = pair(flags=("doubt_leans", "suspicious_source"), extra={"level": 2})
    old = old.model_copy(update={"scores": {"judge": 0.9}, "flags": (*old.flags, "thin_support", "judge/none"), "status": "selected"})

    new = change(old, output="It fires at 1,240 °C.")

    assert isinstance(new, Pair)
    assert (new.output, new.status, new.scores) == ("It fires at 1,240 °C.", "valid", {})
    assert new.id == id_after(old, Texts.of(new)) != old.id
    assert (new.evidence, new.group, new.form, new.provenance, new.extra) == (old.evidence, old.group, old.form, old.provenance, old.extra)
    assert new.flags == ("suspicious_source", "edited")


def test_a_repaired_draft_becomes_the_pair_that_a_run_would_have_made_of_it():
    failed = draft(quotes=("1,340 °C",))

    new = change(failed, quotes=("1,240 °C",))

    assert isinstance(new, Pair)
    assert new.model_copy(update={"flags": ()}) == pair()
    assert new.flags == ("repaired_by_person",)


@pytest.mark.parametrize(
    ("texts", "field", "said"),
    [
        ({"instruction": "  "}, "instruction", "instruction is blank"),
        ({"output": ""}, "output", "output is blank"),
        ({"output": "hot " * 31}, "output", "the response has 31 words, more than 30"),
        ({"instruction": "How hot is it according to the passage?"}, "instruction", "points to a text that the question does not show"),
        ({"quotes": ("1,340 °C for 9 hours of firing",)}, "quotes", "kiln.md nowhere reads"),
        ({"quotes": ()}, "quotes", "no quote"),
        ({"history": (Turn(role="assistant", content="Hello."),)}, "history", "the user first and the assistant last"),
        ({"instruction": "a lone \ud800 surrogate"}, "pair", "holds a lone surrogate"),
    ],
)
@pytest.mark.parametrize("item", [pair(), draft()])
def test_what_is_wrong_is_said_at_its_field(item, texts, field, said):
    problems = change(item, **texts)

    assert isinstance(problems, list)
    assert problems[0].field == field
    assert said in problems[0].message


def test_everything_that_is_wrong_is_said_at_once():
    problems = change(draft(), instruction="What does the passage say?", output="hot " * 31, quotes=("nothing of that kind",))

    assert isinstance(problems, list)
    assert [(problem.field, problem.reason) for problem in problems] == [
        ("quotes", Reason.UNGROUNDED), ("output", Reason.TOO_LONG), ("instruction", Reason.REFERS_TO_TEXT),
    ]  # fmt: skip


def test_quotes_that_stay_keep_their_place_and_new_ones_are_searched_in_the_section_first():
    old = pair(chunk_id=GLAZE.id, quotes=("1,240 °C",))

    new = change(old, quotes=("1,240 °C", "Open it below 80 °C."))

    assert isinstance(new, Pair)
    assert new.evidence[0] == old.evidence[0]
    assert new.evidence[1].start > GLAZE.start


def test_evidence_in_other_documents_stays_with_an_edited_pair_until_a_person_takes_it_out():
    place = OTHER.index("15 °C")
    both = pair()
    both = both.model_copy(update={"evidence": (*both.evidence, Evidence.of(STORE, place, place + 5))})

    kept, less = change(both, output="1,240 °C, and 15 °C in the store."), change(both, quotes=("1,240 °C",))

    assert isinstance(kept, Pair)
    assert isinstance(less, Pair)
    assert (kept.evidence, less.evidence) == (both.evidence, both.evidence[:1])


def test_evidence_that_its_document_no_longer_holds_is_a_problem_of_the_quotes():
    moved = pair()
    moved = moved.model_copy(update={"evidence": (moved.evidence[0].model_copy(update={"start": 0, "end": 8}),)})

    problems = change(moved, output="Hot.")

    assert isinstance(problems, list)
    assert [(problem.field, problem.reason) for problem in problems] == [("quotes", Reason.UNGROUNDED)]


def test_a_pair_without_evidence_by_its_nature_needs_none():
    absent = pair(grounding="absent", quotes=(), output="Our documents do not say that.")

    new = change(absent, output="The documents do not say so.")

    assert isinstance(new, Pair)
    assert (new.grounding, new.evidence) == ("absent", ())


def test_the_users_own_schema_is_asked_as_well(tmp_path):
    (tmp_path / "own.json").write_text(json.dumps({"type": "object", "required": ["level"], "properties": {"level": {"maximum": 3}}}))
    rules = Settings.of(CurateSection.model_validate({"pair_schema": "own.json"}), tmp_path)

    problems = change(draft(extra={"level": 4}), rules, output="Hot.")

    assert isinstance(problems, list)
    assert [(problem.field, problem.reason) for problem in problems] == [("extra", Reason.SCHEMA)]
    assert isinstance(change(draft(extra={"level": 3}), rules), Pair)
    with pytest.raises(RecipeError):
        Settings.of(CurateSection.model_validate({"pair_schema": "none.json"}), tmp_path)


def test_only_whole_drafts_of_the_quarantine_can_be_repaired():
    assert draft_in(Dropped.of(draft(), "validate", Reason.UNGROUNDED)) == draft()
    assert draft_in(Dropped.of(draft(), "select", Reason.OVER_CAP)) is None
    assert draft_in(Dropped.of(pair(), "validate", Reason.UNGROUNDED)) is None
    assert draft_in(Dropped(id="x", stage="generate", reason=Reason.BAD_REPLY, record={"quotes": 3, "text": "…"})) is None


@given(st.text(max_size=40), st.text(max_size=40), st.none() | st.lists(st.sampled_from(["1,240 °C", "9 hours", "x", ""]), max_size=2))
@settings(max_examples=60, deadline=None)
def test_whatever_a_person_writes_is_a_pair_with_exact_evidence_or_a_list_of_problems(instruction, output, quotes):
    for item in (draft(), pair()):
        made = change(item, instruction=instruction, output=output, quotes=None if quotes is None else tuple(quotes))

        assert isinstance(made, list) == (not isinstance(made, Pair))
        assert made
        if isinstance(made, Pair):
            assert (made.instruction, made.output) == (instruction, output)
            assert all(TEXT[span.start : span.end] == span.quote for span in made.evidence)
