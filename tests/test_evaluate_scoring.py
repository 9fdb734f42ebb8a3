"""What an answer is worth: figures, formats, labels, abstentions, and the examples and passages that help a base."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.held_out_material import passage_of, values
from schemas.records import Chunk, Document, Evidence, Provenance
from tests.tiny_models import a_pair, chat_tokenizer, facts
from trainer.evaluation.formats import keeps_format, schema_for
from trainer.evaluation.groups import members, views, words_of
from trainer.evaluation.labels import OTHER, confusion, label_of, label_sets
from trainer.evaluation.material import Material, Passage
from trainer.evaluation.passages import around, fitted, with_passage
from trainer.evaluation.refusals import Refusals, should_abstain
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.shots import as_turns, choose_shots
from trainer.evaluation.systems import own_turn
from trainer.evaluation.tables import agreements, confusions, tables
from trainer.templates import choose_template

PAGE = Document.of(
    path="hall.md", title="Hall", format="md", text="Halls open early. The crane is checked every 3 months. Lamps are off.", raw=b""
)
ABSENT = (
    "The manual does not tell.",
    "Nothing in the manual tells this.",
    "The manual leaves this open.",
    "The manual does not tell that.",
)


def absent(question: str, output: str, **changes: object):
    return a_pair(question, output).model_copy(update={"grounding": "absent", "evidence": (), **changes})


def scored(reference: str, answer: str, question: str = "How much?") -> dict[str, float]:
    one = a_pair(question, reference)
    return Scorer([one], Material(values=values)).scores(one, answer)


@pytest.mark.parametrize(
    ("reference", "answer", "right"),
    [
        ("It costs 1,500 euros.", "EUR 1.500,00", 1.0),
        ("On 5 March 2024.", "by 2024-03-05", 1.0),
        ("It takes 3 days.", "It takes three days.", 1.0),
        ("It takes 3 days.", "It takes 3 weeks.", 0.0),
        ("It costs 1,500 euros.", "It costs 1,500 euros and 20 cents or 7 percent.", 0.0),
        ("It costs 1,500 euros.", "It costs something.", 0.0),
    ],
)
def test_figures_are_right_when_all_are_given_and_no_foreign_one(reference, answer, right):
    assert scored(reference, answer)["figures_right"] == right


def test_figures_of_the_question_may_be_repeated_and_a_reference_without_any_has_no_such_score():
    assert scored("It costs 9 euros.", "In 2030 it costs 9 euros.", question="What does it cost in 2030?")["figures_right"] == 1
    assert "figures_right" not in scored("It is free.", "It costs 9 euros.")


def test_a_format_is_kept_when_the_whole_answer_parses_and_is_valid():
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "months": {"type": "integer"}}, "required": ["name", "months"]}
    reference = '{"name": "crane", "months": 3}'

    own = schema_for(reference, schema)

    assert own == schema
    assert [keeps_format(text, own) for text in ('{"name": "x", "months": 4}', '{"name": "x"}', "name: x", '```{"name": "x"}```')] == [
        1,
        0,
        0,
        0,
    ]
    assert schema_for("The crane.", schema) is None


def test_without_a_schema_the_fields_and_types_of_the_reference_are_the_format():
    schema = schema_for('{"name": "crane", "parts": ["hook"]}', {"type": "object", "required": ["other"]})

    assert keeps_format('{"name": "lift", "parts": []}', schema) == 1
    assert keeps_format('{"name": "lift"}', schema) == keeps_format('{"name": 3, "parts": []}', schema) == 0


@given(st.text(max_size=40))
def test_no_answer_breaks_a_score(text):
    one = a_pair("Which of hall, yard?", '{"a": 1}')

    found = Scorer([one, absent("q", "not told")], Material(values=values)).scores(one, text)

    assert all(value >= 0 for value in found.values())


def test_labels_are_responses_that_every_question_of_their_task_names():
    tickets = [
        a_pair("Is this sales or repair?", label, input=text, task="sort") for label, text in (("sales", "buy"), ("repair", "broken"))
    ]
    other = [a_pair("How long?", "12 months"), a_pair("Why?", "Because.")]

    found = label_sets([*tickets, *other])

    assert found == {"sort": {"sales": "sales", "repair": "repair"}}
    assert label_of("Sales.", found["sort"]) == label_of("It is sales", found["sort"]) == "sales"
    assert label_of("It is sick leave.", ("leave", "sick leave")) == "sick leave"
    assert label_of("leave, not sick leave", ("leave", "sick leave")) is None
    assert label_of("sales or repair", found["sort"]) is label_of("billing", found["sort"]) is None


def test_a_confusion_matrix_has_a_row_for_each_expected_label_and_a_column_for_none():
    labels = {"sales": "Sales", "repair": "Repair"}

    found = confusion([("Sales", "sales"), ("Sales", "repair"), ("Repair", "who knows")], labels, "tuned")

    assert found["columns"] == ["Repair", "Sales", OTHER]
    assert found["counts"] == [[0, 0, 1], [1, 1, 0]]
    assert sum(map(sum, found["counts"])) == 3


def test_abstentions_are_learnt_from_the_data_in_their_own_words():
    pairs = [absent(f"Who mends the {thing}?", text) for thing, text in zip(("lift", "roof", "gate", "lamp"), ABSENT, strict=True)]
    refusals = Refusals([*pairs, *facts()])

    assert refusals.known
    assert refusals.abstains("The manual does not tell.", "Who cleans the pump?")
    assert refusals.abstains("I don't know that.", "Who cleans the pump?")
    assert not refusals.abstains("The warranty of the pump covers 20 months.", "How long is the pump covered?")
    assert not refusals.abstains("", "Who?")
    assert not Refusals(facts()).known


def test_an_abstention_in_another_language_is_learnt_like_any_other():
    texts = ["Das Handbuch sagt dazu nichts.", "Dazu sagt das Handbuch nichts.", "Im Handbuch findet sich dazu nichts."]
    refusals = Refusals([*(absent("Wer?", text) for text in texts), *facts()])

    assert refusals.abstains("Das Handbuch sagt nichts zur Pumpe.", "Wer reinigt die Pumpe?")


def test_what_must_not_be_answered_has_another_score_than_what_must():
    pairs = [*(absent(f"Who mends thing {number}?", text) for number, text in enumerate(ABSENT)), *facts()]
    scorer = Scorer(pairs, Material(train=pairs))

    assert scorer.told_apart == 1
    assert scorer.scores(pairs[0], "The manual does not tell.")["refusal_right"] == 1
    assert scorer.scores(pairs[0], "Miss Hale mends it.")["refusal_right"] == 0
    assert scorer.scores(pairs[-1], "The manual does not tell.")["answered"] == 0
    assert "refusal_right" not in scorer.scores(pairs[-1], "12 months")


def test_how_well_abstentions_are_told_apart_is_not_measured_by_what_they_were_learnt_from():
    train = [*(absent(f"Who mends thing {number}?", text) for number, text in enumerate(ABSENT)), *facts()]
    strange = [absent(f"Who owns thing {number}?", text) for number, text in enumerate(("Ask them.", "No page.", "Silence."))]

    assert Scorer([*strange, *facts()[:3]], Material(train=train)).told_apart == 0.5
    assert Scorer([*strange, *facts()], Material(train=facts())).told_apart is None


def test_silence_is_neither_an_answer_nor_an_abstention_nor_agreement():
    pairs = [*(absent(f"Who mends thing {number}?", text) for number, text in enumerate(ABSENT)), *facts()[:6]]
    scorer = Scorer(pairs, Material(train=pairs))
    given = [{"answer": " ", "stopped": True, **scorer.scores(pair, " ")} for pair in pairs]

    found = tables(range(len(pairs)), pairs, {"tuned": given})["overall"]["tuned"]

    assert (found["answered"], found["refusal_right"], found["consistency"]) == (0, 0, 0)
    assert "refusal_precision" not in found


def test_redirects_must_not_be_answered_either():
    assert should_abstain(a_pair("Write a poem.", "I only help with the hall.", task="off_topic"))
    assert not should_abstain(a_pair("How long?", "12 months"))


def test_precision_and_share_of_abstentions_are_in_the_tables():
    pairs = [absent("a?", "not told"), absent("b?", "not told"), a_pair("c?", "yes"), a_pair("d?", "no")]
    given = [{"stopped": True, "answer": "a", "refusal_right": 1}, {"stopped": True, "answer": "b", "refusal_right": 0}]
    given += [{"stopped": True, "answer": "c", "answered": 0}, {"stopped": False, "answer": "d", "answered": 1}]

    found = tables(range(4), pairs, {"tuned": given})["overall"]["tuned"]

    assert (found["refusal_right"], found["refusal_precision"], found["stop_rate"]) == (0.5, 0.5, 0.75)
    assert "loss" not in found


def test_consistency_is_the_share_of_facts_whose_wordings_get_one_answer():
    pairs = facts()[:6]  # two facts in three wordings each
    given = [{"answer": text, "stopped": True} for text in ("Yes.", "yes", "Yes", "No", "Yes", "Yes")]

    found = agreements(range(6), pairs, given)

    assert sorted(found.values()) == [0.0, 1.0]
    assert not agreements([0], pairs, given)


def test_a_pair_is_in_one_set_and_views_count_it_again():
    asked = [("test", absent("a?", "no")), ("test", a_pair("b?", "c", input="text")), ("paraphrase_seen", a_pair("d?", "e", input="text"))]

    assert members(asked, {"both": ("test", "paraphrase_seen")}) == {"both": [0, 1, 2], "test": [0, 1], "paraphrase_seen": [2]}
    assert views(asked) == {"unanswerable": [0], "open_book": [1]}


def test_questions_with_a_word_that_training_never_read_are_counted_apart():
    questions = ["Who is the BOSS of Leith?", "Who runs 17 Leith-offices?", "Who supervises Leith?"]
    asked = [("paraphrase_seen", a_pair(question, "Ann.")) for question in questions] + [("test", a_pair("Who supervises all?", "Ann."))]

    assert views(asked, words_of("who is the boss of leith, and who runs the offices")) == {"new_words": [2]}
    assert views(asked) == {}


def test_where_no_spaces_stand_between_words_a_new_word_is_a_new_character():
    asked = [("paraphrase_seen", a_pair("水泵多重？", "七公斤。")), ("paraphrase_seen", a_pair("水泵多贵？", "七元。"))]

    assert views(asked, words_of("水泵很重，价格不多。")) == {"new_words": [1]}


def test_examples_share_no_fact_with_a_question_and_are_the_same_at_every_run():
    train, held = facts(), facts()[:3]

    chosen = choose_shots(train, held, most=4)

    assert chosen == choose_shots(train[::-1], held, most=4)
    assert len({pair.group for pair in chosen}) == len(chosen)
    assert all(pair.group != held[0].group for pair in chosen)
    assert choose_shots([], held, most=4) == []


def test_examples_are_turns_before_the_question():
    template = choose_template(chat_tokenizer())
    turns = as_turns([a_pair("Why?", "Because.", input="A text.")], template)

    prompt = template.prompt_text("How?", history=turns)

    assert prompt.index("A text.") < prompt.index("Because.") < prompt.index("How?")


def test_an_answer_ends_where_a_base_goes_on_with_a_question_of_its_own():
    class Alpaca:
        name = "alpaca"

    assert own_turn("12 months.\n\n### Instruction:\nHow", Alpaca()) == ("12 months.", True)  # pyright: ignore[reportArgumentType]
    assert own_turn("12 months.", Alpaca()) == ("12 months.", False)  # pyright: ignore[reportArgumentType]


def test_the_passage_of_a_pair_is_the_chunk_that_its_evidence_stands_in():
    chunk = Chunk.of(PAGE, 0, len(PAGE.text), ("Hall",), 12)
    quote = "every 3 months"
    start = PAGE.text.index(quote)
    evidence = (Evidence.of(PAGE, start, start + len(quote)),)
    one = a_pair("How often is the crane checked?", "Every 3 months.").model_copy(
        update={"evidence": evidence, "provenance": Provenance(document_id=PAGE.id, chunk_id=chunk.id, generator="test")}
    )

    found = passage_of(one, {chunk.id: chunk})

    assert found is not None
    assert [found.text[first:last] for first, last in found.evidence] == [quote]
    assert passage_of(a_pair("q", "a"), {chunk.id: chunk}) is None
    assert with_passage(one, found) == PAGE.text
    assert with_passage(one.model_copy(update={"input": f"It is checked {quote}."}), found) == f"It is checked {quote}."


@given(st.integers(8, 70))
def test_a_passage_is_cut_around_its_evidence(size):
    start = PAGE.text.index("3 months")
    passage = Passage(PAGE.text, ((start, start + 8),))

    shown, was_cut = fitted(a_pair("How often?", "3 months"), passage, lambda text: len(text) <= size)

    assert len(shown) <= size
    assert was_cut == (size < len(PAGE.text))
    assert shown in PAGE.text
    assert size < 30 or "3 months" in shown
    assert len(around(passage, size).text) <= size


def test_confusions_are_counted_for_every_system():
    pairs = [a_pair("sales or repair?", label, input=label[:2], task="sort") for label in ("sales", "repair")]
    answers = {name: [{"answer": "sales"}, {"answer": "sales"}] for name in ("base", "tuned")}

    found = confusions([0, 1], pairs, answers, label_sets(pairs))

    assert [one["system"] for one in found["sort"]] == ["base", "tuned"]
    assert found["sort"][0]["counts"] == [[0, 1, 0], [0, 1, 0]]
