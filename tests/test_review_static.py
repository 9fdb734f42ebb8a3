"""The review page as one file: what is in it is safe, whole and dealt as asked; its scripts say what the server would say."""

import base64
import hashlib
import html
import json
import random
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from builder.cli import review as command
from builder.review.filters import SORTS, Filter
from builder.review.fold import standings
from builder.review.inline import embedded, own_code, policy
from builder.review.items import card
from builder.review.log import ReviewLog
from builder.review.opened import opened_review
from builder.review.static import Wanted, export_static
from builder.review.static_page import script_names
from builder.review.static_records import records_of
from builder.review.static_shares import Dealt, divided
from generators.judge.rubrics import Criterion, Rubric
from schemas.errors import InputError, UsageError, WorkspaceError
from schemas.records import Chunk, Document, Evidence, Pair, Provenance, Turn
from schemas.review import REASONS, Event, Texts
from tests.review_side import Made, made

PAGE = Path(__file__).parent.parent / "builder" / "review" / "page"
NODE = shutil.which("node")
START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
needs_node = pytest.mark.skipif(NODE is None, reason="needs Node.js to run the page's scripts without a browser")


def run_scripts(names: list[str], calls: list) -> list:
    """What functions of the page's scripts return."""
    assert NODE
    paths = [str(PAGE / name) for name in names]
    runner = str(Path(__file__).parent / "run_script.js")
    done = subprocess.run([NODE, runner, *paths], input=json.dumps(calls), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)))
def test_whatever_texts_hold_they_end_no_element_and_come_out_as_they_went_in(value):
    text = embedded(value)

    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == value


def test_texts_with_half_characters_can_be_written_to_a_file():
    assert json.loads(embedded(["\ud800 and \udfff"]).encode("utf-8")) == ["\ud800 and \udfff"]


@pytest.mark.parametrize("text", ["a </script> b", "</STYLE >", "<!-- x", "if (a <script) {}"])
def test_code_that_would_end_its_own_element_is_refused(text: str):
    with pytest.raises(ValueError, match="would end the element"):
        own_code(text, "page.js")
    assert own_code("if (a < b && c > d) {}", "page.js")


def test_the_policy_names_each_script_by_its_hash_and_allows_no_request():
    found = dict(part.strip().split(" ", 1) for part in policy(["let a = 1;"], ["p { color: red }"]).split(";"))

    # printf 'let a = 1;' | openssl dgst -sha256 -binary | base64
    assert found["script-src"] == "'sha256-xY6QKfH9PRsQnLz56nj6MBwiK5oHg+im1Jkpdp1x/Ck='"
    assert found["default-src"] == found["base-uri"] == found["form-action"] == "'none'"
    assert "unsafe" not in str(found)
    assert not re.search(r"https?:|\*", str(found))


ITEMS = st.lists(st.builds(Dealt, st.integers(0, 500).map("pair-{}".format), st.integers(0, 40).map("fact-{}".format)), min_size=1, max_size=120, unique_by=lambda one: one.id)  # fmt: skip


@given(ITEMS, st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=5, unique=True), st.floats(0, 1))
def test_every_item_goes_to_one_reviewer_or_to_all_with_the_others_of_its_fact(items, names, overlap):
    shares = divided(items, names, overlap)

    held = {item.id: sorted(name for name, share in shares.items() if item.id in share) for item in items}
    assert set(shares) == set(names)
    assert all(len(people) == 1 or people == sorted(names) for people in held.values())
    by_fact = {item.group: {tuple(held[other.id]) for other in items if other.group == item.group} for item in items}
    assert all(len(people) == 1 for people in by_fact.values())
    place = {item.id: number for number, item in enumerate(items)}
    assert all([place[item] for item in share] == sorted(place[item] for item in share) for share in shares.values())
    assert divided(items, names, overlap) == shares
    if len(names) > 1:
        common = sum(len(people) > 1 for people in held.values())
        largest = max(sum(other.group == item.group for other in items) for item in items)
        assert overlap * len(items) - 0.5 <= common < round(overlap * len(items)) + largest


def test_shares_are_of_one_size_where_every_fact_has_one_pair():
    items = [Dealt(f"pair-{number}", f"fact-{number}") for number in range(100)]

    shares = divided(items, ["ann", "bob", "cleo"], 0.1)

    assert [len(share) for share in shares.values()] == [40, 40, 40]
    assert len(set.intersection(*map(set, shares.values()))) == 10


def random_events(dice: random.Random) -> list[Event]:
    """A log as people make it: words, edits alike and different, bulks, undos of undos, words that come late."""
    texts = [
        Texts(instruction="How many?", output="Two."),
        Texts(instruction="How many?", output="Three."),
        Texts(instruction="", output=""),
    ]
    events: list[Event] = []
    for seq in range(1, dice.randint(2, 14)):
        action = dice.choice(["accept", "accept", "reject", "edit", "repair", "skip", "note", "undo"])
        if action == "undo" and not events:
            action = "skip"
        target = dice.choice(events) if events else None
        events.append(
            Event(
                op=f"operation-{seq}",
                item=f"pair-{dice.randint(1, 3)}",
                key=dice.choice(["", "said-1"]),
                reviewer=dice.choice(["ann", "bob", "cleo"]),
                action=action,
                reason=dice.choice(list(REASONS)) if action == "reject" else "",
                note=dice.choice(["", "see page 3"]),
                after=dice.choice(texts) if action in ("edit", "repair") else None,
                final=dice.random() < 0.1,
                undoes=(dice.choice([target.op, target.bulk or target.op]) if target else "") if action == "undo" else "",
                bulk=dice.choice(["", "", "bulk-of-many"]) if action in ("accept", "reject", "skip") else "",
                base=dice.randint(0, seq),
                at=START + timedelta(milliseconds=dice.randint(0, 40)),
                seq=seq,
            )
        )
    dice.shuffle(events)
    return events


@needs_node
def test_the_fold_of_the_page_is_the_fold_of_the_log():
    dice = random.Random(7)
    logs = [random_events(dice) for _ in range(400)]

    found = run_scripts(["fold.js"], [["fold.standings", [[event.model_dump(mode="json") for event in log]]] for log in logs])

    for log, by_item in zip(logs, found, strict=True):
        wanted = {item: standing.model_dump(mode="json") for item, standing in standings(log).items()}
        assert by_item == wanted, [event.model_dump(mode="json", exclude_defaults=True) for event in log]


WORDS = [
    "café", "cafe", "CAFÉ", "naïve", "Straße", "strasse", "東京", "京都に行く", "ไทย", "it's", "e-mail", "foo_bar", "42", "3.14", "10%", "re-open", "opens",
    "opening", "o", "Ωmega", "ώμος", "İstanbul", "한국어", "한", "über", "uber", "naive café", "<script>", "NEAR", "AND", "don't",
]  # fmt: skip
SEARCHES = [
    *WORDS, "caf", '"cafe"', '"naive cafe"', "naive cafe", "cafe naive", "op", '"op"', "京", "東", "京都", "foo bar", "bar_", '"foo bar"', "3 14", "3.1",
    "-", '"', '" "', "e mail", "mail e", "* OR", "pair-0000", "pair-0000000000000003", "PAIR-0000", "istanbul", "ω", "ωμ", "str", "ß", "한국", "it", "script",
]  # fmt: skip


def document(number: int, *sentences: str) -> Document:
    """A document whose paragraphs are these sentences; its path sorts otherwise than its number."""
    text = f"# Page {number}\n\n" + "\n\n".join(sentences) + "\n"
    return Document.of(
        path=f"pages/{chr(122 - number)}-{number}.md", title=f"Page {number}", format="markdown", text=text, raw=text.encode()
    )


def chunk_of(one: Document) -> Chunk:
    """The whole document."""
    return Chunk.of(one, 0, len(one.text), (one.title,), 10)


def pair_of(one: Document, number: int, question: str, sentence: str, **more) -> Pair:
    """A pair whose answer is a sentence of the document."""
    start = one.text.index(sentence)
    values = {
        "id": f"pair-{number:016x}", "instruction": question, "output": sentence, "group": f"fact-{number // 2}",
        "evidence": (Evidence.of(one, start, start + len(sentence)),), "status": "selected",
        "provenance": Provenance(document_id=one.id, chunk_id=chunk_of(one).id, generator="extractive"),
    }  # fmt: skip
    return Pair(**(values | more))


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory) -> Path:
    """A run of 60 pairs with texts in many scripts, all kinds of places, scores and flags, and what three people said."""
    dice = random.Random(3)
    documents = [
        document(number, *(f"Sentence {line} of page {number} says {dice.choice(WORDS)}." for line in range(12))) for number in range(5)
    ]
    pairs = []
    for number in range(60):
        about = documents[number % 5]
        sentence = about.text.split("\n\n")[1 + number // 5].strip()
        pairs.append(
            pair_of(
                about,
                number,
                f"What of {' '.join(dice.choices(WORDS, k=3))}?",
                sentence,
                task=dice.choice(["question_answering", "summarize", "classify"]),
                split=dice.choice(["train", "validation", "test"]),
                form=dice.choice(["stated/what", "table_has/know"]),
                flags=tuple(dice.sample(["suspicious_source", "fuzzy_quote", "judge/none"], dice.randint(0, 2))),
                scores={"judge": dice.choice([0.25, 0.5, 1.0])} if dice.random() < 0.7 else {},
                history=(Turn(role="user", content=dice.choice(WORDS)), Turn(role="assistant", content="yes"))
                if dice.random() < 0.2
                else (),
                input=dice.choice(["", "", dice.choice(WORDS)]),
            )
        )
    folder = tmp_path_factory.mktemp("static") / "run"
    Made(documents, [chunk_of(one) for one in documents], pairs).write(folder)
    with ReviewLog(folder) as log:
        for number, by in enumerate(["ann", "bob", "ann", "cleo", "ann", "bob", "ann"] * 4):
            said = dice.choice(["accept", "reject", "skip", "note", "edit"])
            about = dice.choice(pairs[:25])
            after = Texts(instruction="What now?", output="This.") if said == "edit" else None
            at = START + timedelta(minutes=number)
            reason = "style" if said == "reject" else ""
            log.append([Event(op=f"operation-{number}", item=about.id, reviewer=by, action=said, reason=reason, after=after, at=at)])
        log.append(
            [
                Event(
                    op="operation-undo",
                    item=pairs[0].id,
                    reviewer="ann",
                    action="undo",
                    undoes="operation-4",
                    at=START + timedelta(hours=2),
                )
            ]
        )
    return folder


@pytest.fixture(scope="module")
def held(run_folder: Path) -> dict:
    with opened_review(run_folder) as (index, log):
        return records_of(index, log, index.ids(Filter()), reviewer="")


def filters() -> list[dict]:
    """Filters and orders of every kind, alone and together."""
    dice = random.Random(5)
    fields = {
        "where": ["chosen", "valid", "chosen,left_out"], "state": ["undecided", "accepted", "disputed,rejected", "skipped", "edited"],
        "task": ["summarize", "none"], "document": ["pages/z-0.md", "pages/x-2.md"], "section": ["Page 1"], "split": ["test", "validation"],
        "flag": ["fuzzy_quote", "judge/none", "quote"], "reviewer": ["ann", "dora"], "kind": ["pair", "draft"], "min_score": [0.5, 0], "max_score": [0.5],
        "family": ["stated", "table_has"], "text": SEARCHES,
    }  # fmt: skip
    alone = [{name: value} for name, values in fields.items() for value in values]
    mixed = [{name: dice.choice(fields[name]) for name in dice.sample(list(fields), dice.randint(2, 3))} for _ in range(80)]
    return [{}, *alone, *mixed]


@needs_node
def test_lists_of_the_page_are_those_of_the_server(run_folder: Path, held: dict):
    asked = [(one, sort) for number, one in enumerate(filters()) for sort in (SORTS if number % 9 == 0 else ["doubt"])]
    made = [["embedded.items", [held]], ["fold.standings", [held["events"]]], ["embedded.facets", [held["items"]]]]
    lists = [["embedded.listed", [{"returned": 0}, {"returned": 1}, one, sort]] for one, sort in asked]

    _, _, facets, *found = run_scripts(["fold.js", "embedded.js"], [*made, *lists])

    with opened_review(run_folder) as (index, _):
        for (one, sort), listed in zip(asked, found, strict=True):
            wanted = [row["id"] for row in index.items(Filter.of(one), sort=sort, limit=100).rows]
            assert [item["row"]["id"] for item in listed] == wanted, (one, sort)
        assert {name: values for name, values in facets.items() if values} == index.facets()
    assert len({len(listed) for listed in found}) > 12, "filters that all find the same prove nothing"


def test_records_hold_each_passage_once_and_cards_name_nothing_outside(run_folder: Path):
    with opened_review(run_folder) as (index, log):
        ids = index.ids(Filter())[10:30]
        held = records_of(index, log, ids, reviewer="ann")
        cards = {item: card(index, item) for item in ids}

    assert [one["row"]["id"] for one in held["items"]] == ids
    assert len(held["passages"]) == 5
    for one in held["items"]:
        whole = cards[one["row"]["id"]]
        source = held["passages"][one["card"]["source"]["passage"]] | one["card"]["source"]
        assert {name: source[name] for name in whole["source"]} == whole["source"]
        assert {other["id"] for name in ("twins", "same_passage") for other in one["card"][name]} <= set(ids)
    assert {event["item"] for event in held["events"] if event["action"] != "undo"} <= set(ids)
    assert held["last"] == 29


def test_the_page_holds_no_address_and_no_script_but_its_own(run_folder: Path, tmp_path: Path):
    [written] = export_static(run_folder, tmp_path / "review.html", Wanted())
    text = written.file.read_text(encoding="utf-8")

    assert written.items == 60
    assert written.bytes == written.file.stat().st_size
    outside = set(re.findall(r"""(?:src|href|action)=["']?([^"'\s>]{3,40})""", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)))
    assert {link for link in outside if not link.startswith("data:image/svg+xml;base64,")} == {"#content"}
    assert set(re.findall(r"https?://[\w./]*", text)) <= {"http://www.w3.org/2000/svg"}
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    allowed = html.unescape(re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[0])
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts}
    assert hashes <= set(allowed.replace(";", " ").split())
    assert len(hashes) == len(script_names())
    assert "source_server" not in str(script_names())
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\b\(", text)


def test_what_the_judge_gave_is_told_in_the_words_of_the_rubric_that_it_had(tmp_path: Path):
    dataset = made(documents=1, chunks=1, left_out=0, failed=0)
    dataset.chosen[0] = dataset.chosen[0].model_copy(update={"scores": {"judge": 1.0, "judge/of_my_own": 1.0}})
    dataset.write(tmp_path / "run")
    own = Rubric({"of_my_own": Criterion(asks="Is it ours?", scale={0: "not at all", 1: "ours in every word"})})

    [written] = export_static(tmp_path / "run", tmp_path / "review.html", Wanted(rubric=own))

    assert "ours in every word" in written.file.read_text(encoding="utf-8")


def test_each_reviewer_gets_a_file_of_a_share(run_folder: Path, tmp_path: Path):
    written = export_static(run_folder, tmp_path / "review.html", Wanted(names=("Ann B.", "Zoë"), overlap=0.2))

    assert [one.file.name for one in written] == ["review-Ann-B.html", "review-Zoë.html"]
    assert [one.items for one in written] == [36, 36]
    assert all(f'value="{one.reviewer}"' in one.file.read_text(encoding="utf-8") for one in written)
    with pytest.raises(UsageError, match="make the same file name"):
        export_static(run_folder, tmp_path / "review.html", Wanted(names=("a b", "A-B")))


def test_a_file_holds_what_was_asked_for_or_says_why_not(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "review.html"
    [doubtful], [undecided] = (export_static(run_folder, path, wanted) for wanted in (Wanted(most=7), Wanted(state="undecided")))
    with opened_review(run_folder) as (index, _):
        assert undecided.items == index.count(Filter(state="undecided")) < 60
        row = index.items(Filter(), sort="doubt", limit=1).rows[0]
    assert doubtful.items == 7
    export_static(run_folder, path, Wanted(most=7))
    assert row["id"] in path.read_text(encoding="utf-8")

    with pytest.raises(InputError, match="no pair is repaired"):
        export_static(run_folder, path, Wanted(state="repaired"))
    with pytest.raises(UsageError, match="cannot be written"):
        export_static(run_folder, tmp_path / "review.html" / "below.html", Wanted())
    with pytest.raises(WorkspaceError, match="no pairs to review yet"):
        export_static(tmp_path, path, Wanted())
    (tmp_path / "notes.html").write_text("<p>mine</p>")
    with pytest.raises(UsageError, match="is no page that kilopair wrote"):
        export_static(run_folder, tmp_path / "notes.html", Wanted())
    monkeypatch.setattr("builder.review.static.MOST", 59)
    with pytest.raises(UsageError, match="60 pairs for one file, which holds 59: name more reviewers with --assign"):
        export_static(run_folder, path, Wanted())


@pytest.mark.parametrize("option", [["--assign", "ann"], ["--filter", "skipped"], ["--most", "3"]])
def test_what_belongs_to_a_static_page_is_refused_without_one(option: list[str]):
    with pytest.raises(UsageError, match=f"{option[0]} belongs to --static"):
        CliRunner().invoke(command.review, ["recipe.yaml", *option], catch_exceptions=False)
