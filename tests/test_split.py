"""No split leaks, whole facts stay together, and paraphrase asks in other words what train teaches."""

import os
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.certificate import certificate, groups_in_two_splits
from builder.connect import components, connected
from builder.split import held_out, paraphrase_kind, prove, split
from schemas.errors import KilopairError
from schemas.records import Evidence, Pair, Provenance, Turn

EXAMPLES = 10_000 if os.environ.get("KILOPAIR_SOAK") else 300
SHARES = {"test": 0.1, "validation": 0.05, "paraphrase": 0.15, "unseen_forms": 0.4}


def pair(
    number, *, fact, chunk="chunk", form="plain", task="qa", instruction=None, output=None, span=None, quote=None, document="doc", source=""
):
    start, end = span or (1000 * hash_of(fact), 1000 * hash_of(fact) + 8)
    text = quote or f"quote of {fact}"
    return Pair(
        id=f"pair-{number}",
        task=task,
        instruction=instruction or f"q{number}?",
        input=source,
        output=output or f"response of {fact}",
        evidence=(Evidence(document_id=document, start=start, end=start + len(text) if span is None else end, quote=text.ljust(end - start)[: end - start] if span else text),),
        provenance=Provenance(document_id=document, chunk_id=chunk, generator="test"),
        group=f"fact-{fact}",
        form=form,
    )  # fmt: skip


def hash_of(fact):
    return fact if isinstance(fact, int) else sum(map(ord, fact))


def corpus(facts=120, wordings=5, forms=20):
    """Make facts of three per passage, each with wordings of some of the forms."""
    choose = random.Random(7)
    return [
        pair(
            f"{fact}-{number}",
            fact=fact,
            chunk=f"chunk-{fact // 3}",
            form=form,
            task=f"task-{fact % 3}",
            instruction=f"{form} about fact{fact}?",
        )
        for fact in range(facts)
        for number, form in enumerate(choose.sample([f"form-{n}" for n in range(forms)], wordings))
    ]


def parts(pairs):
    return {name: [one for one in pairs if one.split == name] for name in ("train", "validation", "test", "paraphrase")}


NODES = st.lists(
    st.tuples(
        st.integers(0, 12), st.integers(0, 8), st.sampled_from(["f1", "f2", "f3", "f4"]), st.integers(0, 60), st.integers(1, 9),
        st.sampled_from(["doc-1", "doc-2", "doc-3", "doc-4"]), st.sampled_from(["", "what is it", "how is the thing done here"]),
        st.sampled_from(["a short quote", "the limit for hotels is 140 EUR", "the limit for hotels is now 140 EUR"]),
    ),
    max_size=40,
)  # fmt: skip


def graph(rows):
    return [
        pair(
            number,
            fact=fact,
            chunk=f"{document}/{chunk}",
            form=form,
            document=document,
            span=(start, start + length),
            instruction=question or None,
            output=f"response {fact % 3}",
            quote=quote,
        )
        for number, (fact, chunk, form, start, length, document, question, quote) in enumerate(rows)
    ]


@given(NODES, st.sampled_from([0.0, 0.1, 0.4]), st.sampled_from([0.0, 0.15, 0.5]), st.sampled_from([0.0, 0.4, 1.0]), st.integers(0, 2))
@settings(max_examples=EXAMPLES, deadline=None)
def test_whatever_hangs_together_the_split_is_proved_free_of_leaks(rows, test, paraphrase, unseen, seed):
    pairs = graph(rows)

    out = list(split(pairs, test=test, validation=0.1, paraphrase=paraphrase, unseen_forms=unseen, seed=seed))

    assert [one.id for one in out] == [one.id for one in pairs]
    assert not any(prove(out).values())
    assert sum(map(len, held_out(out).values())) == sum(one.split in ("test", "paraphrase") for one in out)
    if pairs:
        assert any(one.split == "train" for one in out)


@given(NODES, st.randoms(use_true_random=False), st.sampled_from([0.0, 0.3]))
@settings(max_examples=min(EXAMPLES, 100), deadline=None)
def test_the_order_of_the_pairs_does_not_matter(rows, shuffler, documents):
    pairs = graph(rows)
    shares = {**SHARES, "held_out_documents": documents}

    one = {done.id: (done.split, done.flags) for done in split(pairs, **shares, seed=3)}
    other = {done.id: (done.split, done.flags) for done in split(shuffler.sample(pairs, len(pairs)), **shares, seed=3)}

    assert one == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"chunk": "same"}, {"chunk": "same"}),
        ({"fact": 1}, {"fact": 1}),
        ({"instruction": "What is the limit?"}, {"instruction": "what is  the limit"}),
        ({"span": (10, 20)}, {"span": (19, 30)}),
        ({"quote": "hotels may cost 140 EUR"}, {"quote": "Hotels may cost 140 EUR."}),
        (
            {"quote": "in every city the hotel may cost up to 140 EUR for one night"},
            {"quote": "in every city the hotel may cost up to 150 EUR for one night"},
        ),
        (
            {"instruction": "What is the hotel limit now?", "output": "140"},
            {"instruction": "What is the hotel limit here?", "output": "140."},
        ),
    ],
)
def test_pairs_that_share_something_are_connected(one, other):
    pairs = [pair(0, **{"fact": 1, "chunk": "a", **one}), pair(1, **{"fact": 2, "chunk": "b", **other})]

    assert connected(pairs, near=0.7) == [[0, 1]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"span": (10, 20)}, {"span": (20, 30)}),
        ({"quote": "30 days"}, {"quote": "30 days"}),
        (
            {"instruction": "What is the hotel limit now?", "output": "140"},
            {"instruction": "What is the hotel limit here?", "output": "90"},
        ),
        ({"instruction": "Sum up.", "source": "a text"}, {"instruction": "Sum up.", "source": "another"}),
    ],
)
def test_pairs_that_share_nothing_of_weight_are_not_connected(one, other):
    pairs = [pair(0, **{"fact": 1, "chunk": "a", **one}), pair(1, **{"fact": 2, "chunk": "b", **other})]

    assert connected(pairs, near=0.7) == [[0], [1]]


def test_the_shares_are_met_where_components_are_small():
    sizes = Counter(one.split for one in split(corpus(), **SHARES, seed=0))

    assert 55 <= sizes["test"] <= 60
    assert 25 <= sizes["validation"] <= 30
    assert sizes["paraphrase"] == 90


def test_test_holds_tasks_as_the_whole_does():
    test = parts(list(split(corpus(300), **SHARES, seed=0)))["test"]

    assert set(Counter(one.task for one in test)) == {"task-0", "task-1", "task-2"}


def test_every_paraphrased_fact_keeps_three_wordings_in_train_when_it_has_enough():
    done = parts(list(split(corpus(), **SHARES, seed=0)))
    taught = Counter(one.group for one in done["train"])

    assert min(taught[one.group] for one in done["paraphrase"]) >= 3


def test_paraphrase_has_forms_that_train_has_and_forms_that_it_has_not():
    pairs = list(split(corpus(), **SHARES, seed=0))
    forms = {one.form for one in pairs if one.split == "train"}
    sets = held_out(pairs)

    assert {one.form for one in sets["paraphrase_seen"]} <= forms
    assert forms.isdisjoint(one.form for one in sets["paraphrase_unseen"])
    assert 25 <= len(sets["paraphrase_unseen"]) <= 45
    assert paraphrase_kind(sets["paraphrase_unseen"][0], forms) == "unseen"
    assert len(sets["test"]) == sum(one.split == "test" for one in pairs)


def test_facts_with_two_wordings_are_never_withheld():
    assert not parts(list(split(corpus(wordings=2), **SHARES, seed=0)))["paraphrase"]


def test_questions_about_an_input_are_not_withheld_while_there_are_enough_others():
    reading = [one.model_copy(update={"input": "a text", "id": f"{one.id}-r"}) for one in corpus(facts=20)]
    moved = [one.model_copy(update={"group": f"r{one.group}", "output": f"r {one.output}"}) for one in reading]

    done = parts(list(split(corpus() + moved, **SHARES, seed=0)))

    assert done["paraphrase"]
    assert not [one for one in done["paraphrase"] if one.input]


def test_a_small_set_still_gets_a_test_pair():
    pairs = [pair(n, fact=n, chunk=f"c{n // 3}") for n in range(9)]

    sizes = Counter(one.split for one in split(pairs, test=0.1, validation=0.0, paraphrase=0.0, unseen_forms=0.0, seed=0))

    assert sizes["test"] == 3


def test_one_passage_is_all_train():
    pairs = [pair(n, fact=n, chunk="c") for n in range(9)]

    assert {one.split for one in split(pairs, **SHARES, seed=0)} == {"train"}


def test_the_seed_decides_which():
    one, other = ([done.split for done in split(corpus(), **SHARES, seed=seed)] for seed in (1, 2))

    assert one != other


@pytest.mark.parametrize(
    ("held", "changes", "leak"),
    [
        ("test", {"chunk": "chunk-train"}, "test passages elsewhere: 1"),
        ("validation", {"fact": 0}, "validation facts elsewhere: 1"),
        ("test", {"span": (5, 7)}, "test evidence elsewhere: 1"),
        ("test", {"instruction": "Q0"}, "test questions elsewhere: 1"),
        ("paraphrase", {"fact": 0, "instruction": "Q0 ?"}, "paraphrase questions in train: 1"),
        ("paraphrase", {}, "paraphrase facts not taught: 1"),
    ],
)
def test_the_proof_finds_a_leak(held, changes, leak):
    train = [pair(0, fact=0, chunk="chunk-train", span=(0, 6)), pair(1, fact=0, chunk="chunk-train", span=(0, 6))]
    other = pair(2, **{"fact": 9, "chunk": "elsewhere", "span": (50, 60), **changes})

    with pytest.raises(KilopairError, match=leak):
        prove([*(one.model_copy(update={"split": "train"}) for one in train), other.model_copy(update={"split": held})])


def test_the_proof_refuses_pairs_without_a_split():
    with pytest.raises(KilopairError, match="without a split"):
        prove([pair(0, fact=0)])


def test_a_wording_with_an_answer_of_its_own_is_never_withheld_alone():
    pairs = [
        pair(
            f"{fact}-{form}",
            fact=fact,
            chunk=f"chunk-{fact}",
            form=form,
            instruction=f"{form} about fact{fact}?",
            output=f"{answer} Rule {fact}.",
        )
        for fact in range(60)
        for form, answer in (("must", "Yes."), ("have", "Yes."), ("required", "Yes."), ("told", "Yes."), ("skip", "No."))
    ]

    divided = list(split(pairs, **SHARES, seed=3))

    withheld = parts(divided)["paraphrase"]
    assert withheld
    assert {one.form for one in withheld} <= {"must", "have", "required", "told"}
    assert prove(divided)["paraphrase_answers_not_taught"] == 0


def test_a_withheld_answer_that_train_never_gives_is_caught():
    pairs = [one.model_copy(update={"split": "train"}) for one in corpus(facts=2)]
    pairs[0] = pairs[0].model_copy(update={"split": "paraphrase", "output": "something else"})

    with pytest.raises(KilopairError, match="paraphrase answers not taught: 1"):
        prove(pairs)


def loose(number, *, said=(), instruction=None, chunk="", output=None, evidence=False):
    """Make a pair about no passage, or one that quotes nothing, with `said` before it."""
    one = pair(number, fact=number, chunk=chunk, instruction=instruction, output=output)
    history = tuple(Turn(role=("user", "assistant")[place % 2], content=content) for place, content in enumerate(said))
    return one.model_copy(
        update={"evidence": one.evidence if evidence else (), "grounding": "absent" if chunk else "none", "history": history}
    )


def test_pairs_about_no_passage_are_not_one_component():
    assert connected([loose(n) for n in range(5)], near=0.7) == [[n] for n in range(5)]


def test_pairs_without_evidence_are_connected_by_their_passage():
    assert connected([loose(0, chunk="a"), loose(1, chunk="a"), loose(2, chunk="b")], near=0.7) == [[0, 1], [2]]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"said": ("Leave?", "Yes.")}, {"said": ("Parking?", "Yes.")}, False),
        ({"said": ("Leave?", "Yes.")}, {"said": ("leave", "yes")}, True),
        ({"said": ("Leave?", "Yes.")}, {}, False),
        ({"said": ("Leave?", "Yes.")}, {"instruction": "Leave?", "output": "Yes."}, True),
        ({"said": ("Leave?", "Yes.")}, {"said": ("Leave?", "Yes.", "How much?", "Lots.")}, True),
        ({"said": ("Leave?", "Yes."), "output": "ok"}, {"said": ("Leave!", "No."), "output": "ok"}, True),
    ],
)
def test_conversations_are_connected_by_every_question_in_them_after_what_was_said_before(one, other, same):
    pairs = [loose(0, **{"instruction": "How long?", **one}), loose(1, **{"instruction": "How long?", **other})]

    assert (connected(pairs, near=0.7) == [[0, 1]]) is same


TALKS = st.lists(
    st.tuples(
        st.integers(0, 9), st.sampled_from(["", "", "a", "b"]), st.sampled_from(["f1", "f2", "f3"]),
        st.lists(st.sampled_from(["Leave?", "How much of it?", "And parking here in town?"]), max_size=2),
        st.sampled_from(["", "Leave?", "How much of it?"]), st.booleans(),
    ),
    max_size=40,
)  # fmt: skip


@given(TALKS, st.sampled_from([0.1, 0.4]), st.sampled_from([0.15, 0.5]), st.integers(0, 2))
@settings(max_examples=EXAMPLES, deadline=None)
def test_conversations_and_pairs_without_evidence_do_not_leak_either(rows, test, paraphrase, seed):
    pairs = [
        loose(
            number,
            chunk=chunk,
            said=tuple(text for question in said for text in (question, "Yes.")),
            instruction=question or None,
            output=f"response {fact % 3}",
            evidence=quoted,
        ).model_copy(update={"group": f"fact-{fact}", "form": form})
        for number, (fact, chunk, form, said, question, quoted) in enumerate(rows)
    ]

    out = list(split(pairs, test=test, validation=0.1, paraphrase=paraphrase, unseen_forms=0.4, seed=seed))

    assert [one.id for one in out] == [one.id for one in pairs]
    assert not any(prove(out).values())


def test_the_proof_finds_a_question_that_train_asks_inside_a_conversation():
    train = loose(0, said=("How much leave?", "30 days.")).model_copy(update={"split": "train"})
    held = loose(1, instruction="How much leave?").model_copy(update={"split": "test"})

    with pytest.raises(KilopairError, match="test questions elsewhere: 1"):
        prove([train, held])


def test_the_proof_does_not_take_no_passage_for_a_common_one():
    pairs = [loose(0).model_copy(update={"split": "train"}), loose(1).model_copy(update={"split": "test"})]

    assert not any(prove(pairs).values())


def by_document(documents=20, passages=4, wordings=3):
    """Make documents of several passages, each with one fact in several wordings."""
    return [
        pair(
            f"{document}-{passage}-{form}",
            fact=f"{document}/{passage}",
            chunk=f"doc-{document}/{passage}",
            document=f"doc-{document}",
            span=(100 * passage, 100 * passage + 20),
            quote=f"d{document}p{passage} rule one two three four",
            form=f"form-{form}",
            instruction=f"form-{form} about d{document} p{passage}?",
            output=f"response {document} {passage}",
        )
        for document in range(documents)
        for passage in range(passages)
        for form in range(wordings)
    ]


def documents_of(pairs):
    return {one.provenance.document_id for one in pairs}


def test_held_out_documents_are_nowhere_but_in_a_test_set_of_their_own():
    done = list(split(by_document(), **SHARES, held_out_documents=0.1, seed=0))
    sets = held_out(done)

    assert len(documents_of(sets["test_documents"])) == 2
    assert documents_of(sets["test_documents"]).isdisjoint(documents_of(one for one in done if one not in sets["test_documents"]))
    assert documents_of(sets["test"]) <= documents_of(one for one in done if one.split == "train")
    assert len(sets["test"]) >= 20
    assert not any(prove(done).values())


def test_without_a_share_no_document_is_held_out():
    done = list(split(by_document(), **SHARES, seed=0))

    assert not held_out(done)["test_documents"]


def test_two_documents_are_too_few_to_hold_one_out():
    done = list(split(by_document(documents=2), **SHARES, held_out_documents=0.5, seed=0))

    assert not held_out(done)["test_documents"]


def test_a_document_that_is_tied_to_most_others_is_not_held_out():
    pairs = by_document(documents=6)
    tied = [one.model_copy(update={"instruction": "What is it?"}) if one.form == "form-0" else one for one in pairs]

    done = list(split(tied, **SHARES, held_out_documents=0.2, seed=0))

    assert not held_out(done)["test_documents"]
    assert not any(prove(done).values())


def test_dividing_again_takes_the_flag_back():
    once = list(split(by_document(), **SHARES, held_out_documents=0.1, seed=0))

    again = list(split(once, **SHARES, seed=0))

    assert held_out(once)["test_documents"]
    assert not any("held_out_document" in one.flags for one in again)


def test_the_proof_finds_a_held_out_document_in_train():
    train = pair(0, fact=0, chunk="a", document="d", span=(0, 6)).model_copy(update={"split": "train"})
    held = pair(1, fact=1, chunk="b", document="d", span=(50, 60)).model_copy(update={"split": "test", "flags": ("held_out_document",)})

    with pytest.raises(KilopairError, match="held out documents elsewhere: 1"):
        prove([train, held])


def test_linked_pairs_stay_together():
    pairs = [pair(n, fact=n, chunk=f"c{n}") for n in range(4)]

    assert connected(pairs, near=0.7, links=[("pair-0", "pair-3"), ("pair-1", "gone")]) == [[0, 3], [1], [2]]


@given(st.integers(0, 40), st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=60))
@settings(max_examples=EXAMPLES, deadline=None)
def test_components_of_any_graph_are_those_that_a_walk_finds(size, edges):
    edges = [(one, other) for one, other in edges if max(one, other) < size]
    around = {place: {place} for place in range(size)}
    for one, other in edges:
        around[one].add(other)
        around[other].add(one)
    walked, seen = [], set()
    for place in range(size):
        if place not in seen:
            reached, waiting = set(), [place]
            while waiting:
                if (next_one := waiting.pop()) not in reached:
                    reached.add(next_one)
                    waiting += around[next_one]
            seen |= reached
            walked.append(sorted(reached))

    assert components(size, edges) == walked


@given(NODES, st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=12), st.sampled_from([0.0, 0.1, 0.4]), st.integers(0, 2))
@settings(max_examples=EXAMPLES, deadline=None)
def test_no_group_of_any_graph_is_in_two_splits(rows, edges, documents, seed):
    pairs, links = graph(rows), [(f"pair-{one}", f"pair-{other}") for one, other in edges]

    out = list(split(pairs, **SHARES, held_out_documents=documents, seed=seed, links=links))

    assert groups_in_two_splits(out, connected(pairs, near=0.7, links=links)) == 0
    assert not any(prove(out).values())
    assert not pairs or any(one.split == "train" for one in out)


def test_the_certificate_says_what_a_random_split_would_have_leaked():
    done = list(split(by_document(), **SHARES, held_out_documents=0.1, seed=0))

    found = certificate(done, seed=0)

    assert not any(found["leaks"].values())
    assert found == certificate(done, seed=0)
    assert found["held_out_documents"] == 2
    assert found["random_split"]["held_out"] == found["sizes"]["test"] + found["sizes"]["validation"]
    assert found["random_split"]["leaking_share"] > 0.9  # three wordings of each fact: hardly one stays alone
    assert found["random_split"]["ways"]["facts"] > 0


def test_a_random_split_of_pairs_that_share_nothing_leaks_nothing():
    pairs = [loose(n, instruction=f"{word} topic {n}?") for n, word in enumerate("abcdefghijklmnopqrst")]

    found = certificate(list(split(pairs, **SHARES, seed=0)), seed=0)

    assert found["random_split"]["leaking_pairs"] == 0
    assert found["groups"] == 20


def test_no_certificate_is_given_for_a_torn_group():
    pairs = [one.model_copy(update={"split": "train"}) for one in (loose(0), loose(1))]
    pairs[1] = pairs[1].model_copy(update={"split": "test"})

    with pytest.raises(KilopairError, match="groups in two splits: 1"):
        certificate(pairs, seed=0, links=[("pair-0", "pair-1")])


def test_near_questions_with_other_responses_stay_together_where_that_is_wanted():
    pairs = [loose(0, instruction="What is the hotel limit now?"), loose(1, instruction="What is the hotel limit here?")]

    assert connected(pairs, near=0.7) == [[0], [1]]
    assert connected(pairs, near=0.7, siblings=True) == [[0, 1]]


def test_a_copy_that_somebody_took_back_stays_with_the_pair_that_it_is_a_copy_of():
    pairs = [loose(0), loose(1), loose(2).model_copy(update={"extra": {"cluster": "pair-0"}})]

    assert connected(pairs, near=0.7) == [[0, 2], [1]]
