"""What is weak and why: failures with their causes, where they are, and training pairs that may be wrong."""

import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.diagnose.causes import failure
from builder.diagnose.facts import askable, found_facts, probed, readable, verbatim
from builder.diagnose.judged import Judged, Place, Places, judged
from builder.diagnose.lessons import Lessons
from builder.diagnose.stage import looked_into
from builder.diagnose.suspects import Losses, disagreeing, robust_scores, suspects
from builder.diagnose.told import told
from builder.diagnose.weak import ENOUGH, weak_spots
from builder.step import Step
from builder.workspace import Workspace
from schemas.diagnosis import CAUSES, DOUBTS, Diagnosis, WeakSpots
from schemas.proof import Design
from schemas.recipe import Recipe
from schemas.records import Chunk, Document, Evidence, Pair, Provenance, content_id
from schemas.training import DiagnoseSection
from tests.tiny_learner import learned, untrained
from tests.tiny_models import chat_tokenizer, facts, saved
from trainer.knowledge import Known
from trainer.loss import row_losses
from trainer.model import load
from trainer.rows import pair_rows
from trainer.templates import choose_template

TEXT = (
    "# Leave\n\nYou may carry five days over. Ask Rota for leave. The bonus is 1,500 euros, paid in May. Parking costs 12 euros a month.\n"
)
PAGE = Document.of(path="leave.md", title="Leave", format="markdown", text=TEXT, raw=TEXT.encode())
CHUNK = Chunk.of(PAGE, 9, len(TEXT), ("Leave", "Days"), 40)


def made(instruction: str, output: str, quote: str, **fields) -> Pair:
    """Make a pair that quotes the page; `group` is the quote unless given."""
    start = TEXT.index(quote)
    own = {"task": "qa", "input": "", "form": "plain", "group": quote, "split": "train"} | fields
    return Pair(
        id=content_id("pair", instruction, own["input"], output),
        instruction=instruction,
        output=output,
        evidence=(Evidence.of(PAGE, start, start + len(quote)),),
        provenance=Provenance(document_id=PAGE.id, chunk_id=CHUNK.id, generator="test"),
        **own,
    )


DAYS, BONUS = "five days", "The bonus is 1,500 euros"
TRAIN = [
    made("How many days may I carry over?", "Five days.", DAYS),
    made("Tell me how many days I may carry over.", "Five days.", DAYS, form="tell"),
    made("What is the bonus?", "1,500 euros.", BONUS),
]
PLACES = Places([PAGE], [CHUNK])


def row(pair: Pair, *, right: bool = False, stopped: bool = True, tokens: int = 8) -> Judged:
    """Make a judged answer."""
    return Judged(pair, "test", PLACES.of(pair), right, stopped, tokens)


def cause_of(pair: Pair, *, limit: int = 20, train: list[Pair] = TRAIN, **answer):
    return failure(row(pair, **answer), Lessons(train, [pair]), limit=limit)


# Answers


def test_answers_are_joined_with_their_pairs_and_places():
    pair = made("What is the bonus?", "1,500 euros.", BONUS)
    scores = {"exact_match": 0.0, "stopped": True, "tokens": 6}
    answers = [
        {
            "pair_id": pair.id,
            "set": "test",
            "answers": {"base": "?", "tuned": "It is 1,500 euros."},
            "scores": {"base": {}, "tuned": scores},
        },
        {"pair_id": pair.id, "set": "test", "answers": {"tuned": "150 euros."}, "scores": {"tuned": scores}},
    ]

    right, wrong = judged(answers, {pair.id: pair}, PLACES)

    assert (right.right, wrong.right) == (True, False)
    assert right.place == Place("leave.md", ("Leave", "Days"))


@pytest.mark.parametrize("name", ["label_right", "refusal_right"])
def test_a_score_that_decides_is_believed(name):
    pair = made("Who won the cup?", "The documents do not say.", DAYS)
    scores = {"exact_match": 0.0, "stopped": True, "tokens": 6, name: 1.0}

    (one,) = judged(
        [{"pair_id": pair.id, "set": "test", "answers": {"tuned": "Nobody knows."}, "scores": {"tuned": scores}}], {pair.id: pair}, PLACES
    )

    assert one.right


def test_an_answer_that_never_ends_is_wrong_whatever_it_says():
    assert row(TRAIN[0], right=True, stopped=False).wrong


def test_a_pair_of_no_document_has_a_place_too():
    alone = TRAIN[0].model_copy(update={"provenance": Provenance(document_id="", chunk_id="", generator="existing")})

    assert PLACES.of(alone) == Place("no document", ())


# Causes


def test_a_fact_that_no_training_pair_is_about_was_never_taught():
    found = cause_of(made("What does parking cost?", "12 euros a month.", "Parking costs 12 euros"))

    assert found.cause == "never_taught"
    assert found.taught == ()
    assert found.nearest[0].pair_id in found.reason
    assert [one.similarity for one in found.nearest] == sorted((one.similarity for one in found.nearest), reverse=True)


def test_a_fact_is_known_as_taught_by_its_group_or_by_the_evidence_it_shares():
    by_group = cause_of(made("Carry over how many days?", "Five days.", DAYS))
    by_evidence = cause_of(made("The bonus, how much?", "1,500 euros.", "bonus is 1,500 euros", group="other"))

    assert (by_group.cause, by_group.reason) == ("not_learnt", "taught in 2 wordings but not learnt")
    assert (by_evidence.cause, by_evidence.taught) == ("not_learnt", (TRAIN[2].id,))


def test_a_form_that_training_never_showed_is_named():
    found = cause_of(made("The days I may take along, please.", "Five days.", DAYS, form="please"))

    assert found.cause == "form_unseen"
    assert "the form please" in found.reason


def test_another_answer_to_the_same_question_is_named_with_its_pair():
    wrong = made("How many days may I carry over?", "Three days.", "Ask Rota", group="stray")

    found = cause_of(made("How many days may I carry over?", "Five days.", DAYS, split="test"), train=[*TRAIN[1:], wrong])

    assert found.cause == "taught_otherwise"
    assert wrong.id in found.reason


def test_a_wording_that_asks_for_the_opposite_is_no_other_answer():
    yes = made("Is it true that I may carry days over?", "Yes. You may carry five days over.", DAYS)
    turned = made("Is it true that I may not carry days over?", "No. You may carry five days over.", DAYS, split="test")

    assert cause_of(turned, train=[yes]).cause == "not_learnt"


def test_an_answer_that_did_not_end_says_whether_it_could_have():
    pair = made("Carry over how many days?", "Five days.", DAYS)

    assert cause_of(pair, stopped=False, tokens=8).cause == "not_stopped"
    assert cause_of(pair, stopped=False, tokens=30).cause == "cut"


def test_what_stands_in_the_input_is_no_fact_that_could_have_been_taught():
    reading = made("What is the bonus?", "1,500 euros.", BONUS, input="The bonus is 1,500 euros.", task="open_book")

    assert cause_of(reading).cause == "never_taught"
    assert cause_of(reading, train=[*TRAIN, made("And?", "May.", "paid in May", task="open_book")]).cause == "not_learnt"


def test_without_training_pairs_everything_was_never_taught():
    found = cause_of(made("What is the bonus?", "1,500 euros.", BONUS), train=[])

    assert (found.cause, found.nearest) == ("never_taught", ())


# Where


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=60))
def test_the_tables_count_every_answer_once(answers):
    rows = [row(made(f"Q {number}?", "A.", DAYS, task=task), right=right) for number, (task, right) in enumerate(answers)]

    spots = weak_spots(rows, Design())

    for table in (spots.by_document, spots.by_section, spots.by_task, spots.by_form, spots.by_set):
        assert sum(part.n for part in table) == len(rows)
        assert sum(part.wrong for part in table) == sum(one.wrong for one in rows)
    for part in spots.by_task:
        assert (part.low is None) == (part.n < ENOUGH)
        assert part.low is None or part.high is None or 0 <= part.low <= part.share <= part.high <= 1


def test_wordings_of_one_passage_are_not_counted_as_questions_of_their_own():
    def of_passage(pair, number):
        return pair.model_copy(update={"provenance": pair.provenance.model_copy(update={"chunk_id": f"chunk-{number}"})})

    def by(facts, wordings):
        return [
            row(of_passage(made(f"Q {number} {wording}?", "A.", DAYS), number), right=number % 2 == 0)
            for number in range(facts)
            for wording in range(wordings)
        ]

    alone, repeated = (weak_spots(rows, Design()).by_task[0] for rows in (by(24, 1), by(6, 4)))

    assert alone.n == repeated.n == 24
    assert repeated.high - repeated.low > 1.3 * (alone.high - alone.low)


def test_the_worst_come_first_but_one_of_one_is_less_alarming_than_nine_of_ten():
    rows = [row(made(f"Q {n}?", "A.", DAYS, task="many"), right=n == 0) for n in range(10)]
    rows += [row(made("One?", "A.", DAYS, task="single")), row(made("Fine?", "A.", DAYS, task="good"), right=True)]

    assert [part.name for part in weak_spots(rows, Design()).by_task] == ["many", "single", "good"]


# Facts


def test_facts_are_asked_only_where_nothing_stands_beside_the_question():
    pairs = [
        *TRAIN,
        made("Held out: how many days?", "Five days.", DAYS, split="paraphrase"),
        made("Read: the bonus?", "1,500 euros.", BONUS, group="reading", input="The bonus is 1,500 euros."),
        made("Explain.", "word " * 60, "Ask Rota", group="long"),
    ]

    found = askable(pairs)

    assert [fact.pair.group for fact in found] == [DAYS, BONUS]
    assert found[0].pair.split == "paraphrase"
    assert len(found[0].wordings) == 3


def test_it_is_counted_how_many_questions_about_facts_were_trained_on():
    held = made("Days that I may carry over?", "Five days.", DAYS, split="paraphrase", form="days")
    facts = askable([held, *TRAIN])

    assert verbatim(facts, TRAIN, prompts=3) == 3 / 6
    assert verbatim(facts, [], prompts=3) == verbatim([], TRAIN, prompts=3) == 0


def test_a_fact_that_a_model_has_no_room_for_is_not_asked(tmp_path):
    narrow = saved(tmp_path / "narrow", "llama", chat_tokenizer(), max_position_embeddings=256)
    wide = saved(tmp_path / "wide", "llama", chat_tokenizer(), max_position_embeddings=1024)
    short, long = askable([TRAIN[0], made("Listen to this. " * 40, "1,500 euros.", BONUS)])

    assert readable([long, short], 4, {"base": narrow, "tuned": wide}) == [short]
    assert readable([long, short], 4, {"base": wide, "tuned": wide}) == [long, short]


def test_every_fact_that_was_held_out_or_asked_is_told_once():
    held = made("What does parking cost?", "12 euros a month.", "Parking costs 12 euros", split="test")
    asked = askable(TRAIN[:2])
    known = {
        name: [Known(level, 0.0, 0.0, ranks)] for name, level, ranks in (("base", "unknown", (3, 5)), ("tuned", "highly_known", (1, 1)))
    }
    failed = [cause_of(held)]

    facts = found_facts([row(held)], failed, {DAYS: [TRAIN[0].id, TRAIN[1].id]}, asked=asked, known=known, places=PLACES)

    parking, days = facts
    assert (parking.failures, parking.taught, parking.classes) == ((held.id,), (), {})
    assert parking.nearest == tuple(one.pair_id for one in failed[0].nearest)
    assert (days.classes, days.ranks) == ({"base": "unknown", "tuned": "highly_known"}, {"base": 4.0, "tuned": 1.0})
    assert days.taught == (TRAIN[0].id, TRAIN[1].id)
    probe = probed(DiagnoseSection(), known, 7, 0)
    assert probe is not None
    assert (probe.gained, probe.damaged, probe.of, probe.first) == (1, 0, 7, {"base": 0.0, "tuned": 1.0})


def test_a_probe_that_is_off_asks_nothing():
    assert probed(DiagnoseSection(probe="none"), {"base": [], "tuned": []}, 5, 0) is None


# Suspects


@pytest.mark.slow
def test_the_base_leaves_the_memory_before_the_tuned_model_is_loaded(tmp_path, monkeypatch):
    folder = saved(tmp_path / "model", "llama", chat_tokenizer())
    loaded: list[weakref.ref[object]] = []

    def load_alone(place: str) -> tuple[Any, Any]:
        assert not [one for one in loaded if one() is not None]
        model, tokenizer = load(place)
        loaded.append(weakref.ref(model))
        return model, tokenizer

    monkeypatch.setattr("trainer.model.load", load_alone)
    monkeypatch.setattr("builder.diagnose.stage._models", lambda _: {"base": folder, "tuned": folder})
    recipe = Recipe.model_validate({"train": {"base": folder}, "diagnose": {"facts": 2, "prompts": 1, "samples": 1}})
    train = [pair.model_copy(update={"split": "train"}) for pair in facts()]

    known, losses = looked_into(Step(Workspace(tmp_path), recipe, tmp_path), askable(train)[:2], train)

    assert len(loaded) == len(known["base"]) == len(known["tuned"]) == 2
    assert losses.before == losses.after


def test_a_planted_wrong_pair_is_the_first_suspect():
    right = facts()
    wrong = right[4].model_copy(update={"id": "pair-wrong", "output": "The warranty of the drill covers 99 months."})
    pairs = [*right[:4], wrong, *right[5:]]
    model, tokenizer = untrained()
    tuned = learned(model, tokenizer, pairs, updates=60)

    rows = pair_rows(pairs, choose_template(tokenizer))
    losses = Losses(after=[loss / one.trained for loss, one in zip(row_losses(tuned, rows), rows, strict=True)])
    found = suspects(pairs, losses, places=PLACES, most=5)

    assert found[0].pair_id == "pair-wrong"
    assert found[0].doubt == "conflict"
    assert found[0].other in {right[3].id, right[5].id}


def test_a_pair_that_stays_badly_predicted_is_suspected_among_its_kind_only():
    pairs = [made(f"Question {n}?", "Some answer of words.", DAYS, group=str(n)) for n in range(20)]
    pairs += [made(f"Long {n}?", "word " * 30, DAYS, group=f"long {n}", task="summary") for n in range(20)]
    losses = [0.1 + 0.01 * (n % 3) for n in range(20)] + [1.0 + 0.01 * (n % 3) for n in range(20)]
    losses[7] = 0.9

    found = suspects(pairs, Losses(after=losses), places=PLACES, most=5)

    assert [(one.pair_id, one.doubt) for one in found] == [(pairs[7].id, "high_loss")]
    assert (found[0].document, found[0].section) == ("leave.md", ("Leave", "Days"))


def test_a_pair_that_is_worse_predicted_than_before_training_is_suspected():
    pairs = [made(f"Question {n}?", f"Answer {n}.", DAYS, group=str(n)) for n in range(10)]

    found = suspects(pairs, Losses(after=[0.2] * 10, before=[2.0] * 9 + [0.1]), places=PLACES, most=5)

    assert [(one.pair_id, one.doubt, one.before) for one in found] == [(pairs[9].id, "loss_rose", 0.1)]


def test_of_three_wordings_the_one_against_two_is_suspected_however_well_it_was_learnt():
    pairs = [
        *(made(f"{ask} the bonus?", "1,500 euros.", BONUS) for ask in ("What is", "How much is")),
        made("And the bonus?", "900 euros.", BONUS),
    ]

    (found,) = suspects(pairs, Losses(after=[0.02, 0.02, 0.001]), places=PLACES, most=5)

    assert (found.pair_id, found.doubt) == (pairs[2].id, "conflict")
    assert found.reason == f"{pairs[0].id} asks the same and answers otherwise; 2 pairs are against this one"


def test_siblings_and_wordings_that_agree_are_no_suspects():
    pairs = [
        made("What is the price of the Brook 200?", "190 euros.", DAYS, group="brook"),
        made("What is the price of the Reef 400?", "480 euros.", BONUS, group="reef"),
        made("Tell me the price of the Reef 400.", "480 euros.", BONUS, group="reef"),
    ]

    assert disagreeing(pairs) == {}


@given(st.lists(st.floats(0, 20), min_size=1, max_size=40))
def test_equal_losses_never_stand_out(losses):
    pairs = [made(f"Question {n}?", "Answer.", DAYS, group=str(n)) for n in range(len(losses))]

    assert max(robust_scores(pairs, [losses[0]] * len(losses))) == 0
    assert len(robust_scores(pairs, losses)) == len(losses)


# In words


def test_the_diagnosis_reads_as_plain_lines():
    held = made("What does parking cost?", "12 euros a month.", "Parking costs 12 euros", split="test")
    failed = cause_of(held)
    wrong = made("What is the bonus?", "900 euros.", BONUS)
    found = suspects([*TRAIN, wrong], Losses(after=[0.1, 0.1, 0.1, 3.0]), places=PLACES, most=5)
    whole = Diagnosis(
        n=1,
        wrong=1,
        weak=weak_spots([row(held)], Design()),
        causes={"never_taught": 1},
        failures=(failed,),
        facts=(),
        transitions=((0, 0, 0, 0),) * 4,
        probe=None,
        suspects=found,
    )

    lines = told(whole, {pair.id: pair for pair in (*TRAIN, held, wrong)})

    assert "1 of 1 held-out answers" in lines
    assert "few questions" in lines
    assert CAUSES["never_taught"] in lines
    assert DOUBTS["conflict"] in lines
    assert "leave.md › Leave › Days" in lines


def test_a_model_without_failures_is_told_in_two_lines():
    whole = Diagnosis(n=3, wrong=0, weak=WeakSpots(), causes={}, failures=(), facts=(), transitions=(), probe=None, suspects=())

    assert told(whole, {}).splitlines() == [
        "0 of 3 held-out answers of the tuned model are wrong",
        "",
        "0 training pairs to look at: none stands out",
    ]
