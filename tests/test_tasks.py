"""Tasks: every shipped one judges a good and a bad item rightly, and a folder of the user is a task like them."""

import json
import time
from pathlib import Path

import pytest

from generators.alpaca.asks import Ask, Material, Passage, Style
from generators.alpaca.checks import new_numbers, points_to_text, token_f1
from generators.alpaca.tasks import load_tasks, read_seeds, shipped_tasks, tasks_hash
from schemas.errors import RecipeError
from schemas.records import Chunk, Document, Draft, Provenance

TEXT = (
    "To return a rented bike, first lock it at the station. Then take a photo of the lock. Finally press End ride in the app. "
    "A bike may be kept for 14 days. Customers with a Plus plan can extend this once by 7 days if they ask the shop before the "
    "first period ends. The rental desk decides on exceptions. Late bikes cost 12 euros per day."
)
OTHER = "An e-bike may be kept for 5 days. The battery must be charged to 80 percent before it is returned. Nobody can extend the period."
OLD = "A bike may be kept for 21 days. Late bikes cost 12 euros per day."
KEEP = "A bike may be kept for 14 days."
ALL_LABELS = "question, request, problem, complaint, praise, inappropriate"


def passage(text=TEXT, title="Rental rules"):
    document = Document.of(path=f"{title}.md", title=title, format="md", text=text, raw=text.encode())
    return Passage(document, Chunk.of(document, 0, len(text), (title,), 60))


def style(**changes):
    base = {
        "company": "Tarnwell", "voice": "friendly", "language": "auto", "wordings": 3, "samples": 1, "labels": {}, "extraction_schema": None,
        "model": "big", "temperature": 0.7, "max_tokens": 500,
    }  # fmt: skip
    return Style(**(base | changes))


def seed(instruction="How long may I keep a bike?", output=KEEP):
    origin = Provenance(document_id="doc", chunk_id="chunk", generator="openai")
    return Draft.of(
        task="question_answering", instruction=instruction, output=output, quotes=(KEEP,), group="g", form="f", provenance=origin
    )


def fact():
    origin = Provenance(document_id=passage().document.id, chunk_id=passage().chunk.id, generator="extractive", rule="quantity")
    return Draft.of(
        task="question_answering",
        instruction="How long may I keep a rented bike?",
        output=KEEP,
        quotes=(KEEP,),
        group="g",
        form="f",
        provenance=origin,
    )


def ask(task, **changes):
    second = {"two_passages": OTHER, "distractors": OTHER, "superseded": OLD}.get(task.needs)
    passages = () if task.needs in {"nothing", "seed_tasks"} else (passage(), *([passage(second, "Other rules")] if second else []))
    seeds = (seed(),) if task.needs == "pairs" else (fact(),) if task.needs == "rule_facts" else ()
    return Ask(**({"task": task, "passages": passages, "count": 4, "seeds": seeds} | changes))


def task_named(name, root=Path()):
    return load_tasks((name,), root=root)[0]


def judge(name, item, **changes):
    task = task_named(name)
    return task.problem(item, Material(ask(task), style(**changes)))


WAYS = ["How long may I keep a rented bike?", "I have rented a bike. When must it be back?", "maximum rental period bike"]
OBJECT = {
    "subject": "rented bike", "roles": ["rental desk"], "dates": ["14 days", "7 days"], "amounts": ["12 euros per day"], "places": ["station"],
    "requirements": ["lock it at the station"],
}  # fmt: skip
FIELDS = "subject, roles, dates, amounts, places, requirements"
GOOD = {
    "question_answering": {"wordings": WAYS, "output": "You may keep it for 14 days.", "quotes": [KEEP]},
    "open_book_qa": {
        "wordings": WAYS, "output": "You may keep it for 14 days.", "quotes": [KEEP], "elsewhere": False,
        "unanswered": "The material at hand does not say this for bikes. Please ask the team in charge.",
    },
    "extraction": {"instruction": f"Fill the form on rented bikes as JSON with {FIELDS}.", "output": OBJECT, "quotes": [KEEP]},
    "summarization": {"instruction": "Sum up the rental rules in one line.", "output": "Bikes: 14 days, then 12 euros per day.", "quotes": [KEEP]},
    "expansion": {
        "instruction": "Write a help page on keeping bikes from the outline.", "input": "- keep: 14 days\n- Plus plan: one extension\n- ask before the end",
        "output": "You may keep a bike for 14 days. With a Plus plan you can extend this once, if you ask the shop before the first period ends.",
        "quotes": [KEEP],
    },
    "classification": {"instruction": f"Give the one label that fits: {ALL_LABELS}.", "input": "Hi, when must my bike be back?", "output": "question"},
    "rewriting": {"instruction": "Say this to a customer who asks when to return a bike.", "input": KEEP, "output": "Enjoy your bike for up to 14 days!", "quotes": [KEEP]},
    "procedure": {
        "wordings": ["How do I return a rented bike?"], "output": "1. Lock the bike at the station.\n2. Take a photo of the lock.\n3. Press End ride in the app.",
        "quotes": ["first lock it at the station", "Then take a photo of the lock.", "Finally press End ride in the app."],
    },
    "comparison": {
        "wordings": ["What is the difference between the rental periods of bikes and e-bikes?"], "output": "A bike may be kept longer: 14 days instead of 5 days.",
        "quotes": [KEEP, "An e-bike may be kept for 5 days."],
    },
    "conversation": {"turns": [
        {"user": "How long may I keep a rented bike?", "assistant": "For 14 days.", "quotes": [KEEP]},
        {"user": "And who decides if I need longer?", "assistant": "The rental desk decides on exceptions.", "quotes": ["The rental desk decides on exceptions."]},
    ]},
    "unanswerable": {"wordings": ["May I take a rented bike abroad?"], "output": "Our documents do not say whether a bike may go abroad. Please ask the rental desk."},
    "false_premise": {
        "wordings": ["Since I can keep my rented bike for 30 days, when do late fees start?"], "premise": "A bike may be kept for 30 days.",
        "output": "It is 14 days, not 30: after that a late bike costs 12 euros per day.", "quotes": [KEEP],
    },
    "off_topic": {"instruction": "Can you give me a recipe for lasagne?", "output": "Recipes are beyond me, but I gladly help with any question on Tarnwell."},
    "correction": {
        "wordings": ["I may keep my bike for 21 days, right?"], "old_quote": "A bike may be kept for 21 days.",
        "output": "This has changed: you may keep it for 14 days, no longer for 21.", "quotes": [KEEP],
    },
    "self_instruct": {"instruction": "Name three things to pack for a rainy walk.", "input": "", "output": "A raincoat, dry socks and a warm drink."},
    "back_translation": {"instruction": "Can the rental of my bike be extended?", "output": "Customers with a Plus plan can extend this once by 7 days if they ask the shop before the first period ends.",
                         "quotes": ["Customers with a Plus plan can extend this once by 7 days"]},
    "wording": {"fact": 1, "wordings": WAYS[1:], "first": "14 days."},
    "evolution": {"seed": 1, "instruction": "With a Plus plan, how long can I keep a bike in total if I ask in time?", "output": "21 days: 14 days, extended once by 7.", "quotes": [KEEP]},
}  # fmt: skip
BAD = {
    "question_answering": ({"wordings": ["Is it true that you may keep it for 14 days?"]}, "holds the whole answer"),
    "open_book_qa": ({"unanswered": "It does not say that it is 14 days."}, "gives 14"),
    "extraction": ({"output": OBJECT | {"dates": ["two weeks"]}}, "'two weeks' is not in the passage"),
    "summarization": ({"output": "Bikes: 15 days."}, "the number 15 is not in the passage"),
    "expansion": ({"output": GOOD["expansion"]["output"].replace("14 days", "two weeks")}, "leaves out 14"),
    "classification": ({"output": "other"}, "output"),
    "rewriting": ({"output": "Enjoy your bike for a while!"}, "leaves out 14"),
    "procedure": ({"quotes": list(reversed(GOOD["procedure"]["quotes"]))}, "not in the order"),
    "comparison": ({"quotes": [KEEP, "The rental desk decides on exceptions."]}, "none is from the second passage"),
    "conversation": ({"turns": [GOOD["conversation"]["turns"][0]] * 2}, "says the same twice"),
    "unanswerable": ({"output": "Our documents do not say it, but usually it is up to 90 days."}, "gives 90"),
    "false_premise": ({"output": "Yes, and after that it is 12 euros."}, "begins with yes"),
    "off_topic": ({"output": "Layer pasta, sauce and cheese; bake it well."}, "about Tarnwell"),
    "correction": ({"old_quote": "Late bikes cost 12 euros per day."}, "nothing has changed"),
    "self_instruct": ({"instruction": "Draw a picture of a rainy walk."}, "only text"),
    "back_translation": (
        {"output": "If you pay for our premium service you are free to prolong your rental for another week."},
        "own text",
    ),
    "evolution": ({"seed": 7}, "no pair 7"),
    "wording": ({"fact": 7}, "there is no fact 7"),
}


def test_there_are_the_tasks_of_the_library():
    assert set(shipped_tasks()) == set(GOOD) == set(BAD)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_good_item_passes(name):
    assert judge(name, GOOD[name]) == ""


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_item_is_told_what_is_wrong_in_one_line(name):
    changes, message = BAD[name]

    problem = judge(name, GOOD[name] | changes)

    assert message in problem
    assert "\n" not in problem


@pytest.mark.parametrize("name", [name for name in GOOD if task_named(name).grounding == "quoted" and name != "wording"])
def test_a_quote_that_is_not_in_the_passage_is_refused_by_every_grounded_task(name):
    false = "Bicycles are free of charge for everybody on Sundays."
    item = json.loads(json.dumps(GOOD[name]))
    for holder in item.get("turns", [item]):
        holder["quotes"] = [*holder["quotes"], false]

    assert "is not in the passage" in judge(name, item)


CUT_SHORT = "A bike may be kept for 15 days."
FINE = [
    ("question_answering", {"output": "For 14 days, which is 336 hours."}, {"difficulty": "applied"}, {}),
    ("question_answering", {"wordings": ["My rented bike? How long may I keep it?"]}, {}, {}),
    ("false_premise", {"premise": CUT_SHORT.rstrip(".")}, {}, {}),
    ("false_premise", {"output": "Nein, die Frist endet vorher."}, {}, {"language": "German"}),
    ("correction", {"wordings": ["Ich darf mein Rad drei Wochen behalten?"], "output": "Nein, nur zwei."}, {}, {"language": "German"}),
    (
        "procedure",
        {"quotes": ["The rental desk decides on exceptions.", *GOOD["procedure"]["quotes"]]},
        {},
        {},
    ),
]
POOR = [
    ("question_answering", {"output": "You may keep it for 90 days."}, "the number 90 is not in the passage"),
    ("question_answering", {"output": "Yes."}, "bare yes or no"),
    ("question_answering", {"wordings": ["How long? What does it cost? Who decides?"]}, "asks several things"),
    ("question_answering", {"output": "According to the text, it is 14 days."}, "the answer says 'According to the text'"),
    ("rewriting", {"output": "a bike may be kept, for 14 days"}, "hardly another text"),
    ("false_premise", {"premise": KEEP}, "the passage says it"),
    ("extraction", {"output": OBJECT | {"dates": ["2026-04-01"]}}, "'2026-04-01' is not in the passage"),
]


@pytest.mark.parametrize(("name", "changes", "about", "manner"), FINE)
def test_an_excellent_item_is_not_refused_for_its_form(name, changes, about, manner):
    task = task_named(name)

    assert task.problem(GOOD[name] | changes, Material(ask(task, **about), style(**manner))) == ""


@pytest.mark.parametrize(("name", "changes", "message"), POOR)
def test_a_poor_item_is_refused_with_what_makes_it_poor(name, changes, message):
    assert message in judge(name, GOOD[name] | changes)


def test_what_the_schema_of_the_user_lists_itself_need_not_stand_in_the_passage():
    schema = {
        "type": "object",
        "properties": {"kind": {"enum": ["period", "fee"]}, "from": {"type": "string", "format": "date"}, "length": {"type": "string"}},
    }
    item = {
        "instruction": "Give kind, from and length as JSON for rented bikes.",
        "output": {"kind": "period", "from": "2026-04-01", "length": "14 days"},
        "quotes": [KEEP],
    }

    assert judge("extraction", item, extraction_schema=schema) == ""
    assert "'two weeks'" in judge("extraction", item | {"output": item["output"] | {"length": "two weeks"}}, extraction_schema=schema)


def test_a_distractor_or_an_older_version_proves_nothing():
    assert "is not in the passage" in judge("open_book_qa", GOOD["open_book_qa"] | {"quotes": ["An e-bike may be kept for 5 days."]})
    assert "is not in the passage" in judge("correction", GOOD["correction"] | {"quotes": ["A bike may be kept for 21 days."]})


def test_quotes_may_differ_in_what_copying_changes():
    assert judge("question_answering", GOOD["question_answering"] | {"quotes": ["a bike  may be kept for **14 days**."]}) == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": "Ask at help@example.com."}, "help@example.com"),
        ({"output": "See https://example.com/rules."}, "https://example.com/rules"),
        ({"output": WAYS[0]}, "repeats the question"),
        ({"wordings": ["According to the text, how long may I keep it?"]}, "its reader sees no text"),
        ({"output": "  "}, "output"),
        ({"quotes": []}, "quotes"),
        ({"output": "\ud800 14 days"}, "surrogate"),
    ],
)
def test_every_task_refuses_what_no_pair_may_have(changes, message):
    assert message in judge("question_answering", GOOD["question_answering"] | changes)


@pytest.mark.parametrize("item", [None, 3, "text", [], {}, {"turns": 1}, {"wordings": [1], "output": 2, "quotes": [None]}])
def test_what_is_no_item_is_refused_by_every_task(item):
    for name in shipped_tasks():
        assert judge(name, item)


def test_the_labels_of_the_recipe_take_the_place_of_the_shipped_ones():
    labels = {"billing": "about money", "technical": ""}
    item = {"instruction": "Label it: billing or technical.", "input": "I was charged twice.", "output": "billing"}

    assert judge("classification", item, labels=labels) == ""
    assert judge("classification", item | {"output": "question"}, labels=labels)
    assert judge("classification", item)


def test_the_extraction_schema_of_the_recipe_is_kept_with_its_inner_references():
    schema = {
        "type": "object",
        "properties": {"period": {"$ref": "#/$defs/text"}},
        "required": ["period"],
        "$defs": {"text": {"type": "string"}},
    }
    item = {"instruction": "Give the period of a bike as JSON.", "output": {"period": "14 days"}, "quotes": [KEEP]}

    assert judge("extraction", item, extraction_schema=schema) == ""
    assert "output.period" in judge("extraction", item | {"output": {"period": 14}}, extraction_schema=schema)


@pytest.mark.parametrize(
    "instruction",
    [
        "Draw it",
        "Sort these words.",
        "Go to the shop and buy milk today.",
        "1. Sort these words by length.",
        "write a  program that sorts words.",
        "Sort. " * 151,
    ],
)
def test_the_original_filter_of_self_instruct_holds(instruction):
    assert judge("self_instruct", GOOD["self_instruct"] | {"instruction": instruction})


def test_a_copy_of_a_seed_task_is_no_new_task():
    task = task_named("self_instruct")
    about = ask(task, seeds=(seed("Name three things to pack for a long rainy walk.", "Socks."),))

    assert "nearly a seed task" in task.problem(GOOD["self_instruct"], Material(about, style()))
    assert len(task.seeds) >= 20


def test_checking_an_item_takes_less_than_a_millisecond():
    task = task_named("question_answering")
    material = Material(ask(task), style())
    task.problem(GOOD["question_answering"], material)

    start = time.process_time()
    for _ in range(200):
        task.problem(GOOD["question_answering"], material)

    assert (time.process_time() - start) / 200 < 0.002


def test_helpers_of_the_checks_see_numbers_words_and_pointers():
    assert new_numbers("1,000 euros and 1.5 and 7", "1000", "15") == []
    assert new_numbers("1. Wait 30 days", "nothing") == ["30"]
    assert new_numbers("12 months, from 3 pm or 15, for 289 euros", "twelve months, 15:00, 289.00") == []
    assert token_f1("a b c", "a b d") == pytest.approx(2 / 3)
    assert points_to_text("Who wrote the text editor?") == ""
    assert points_to_text("What is stated in the passage?") == "in the passage"
    assert points_to_text("What does the document say about bikes?") == "the document say"
    assert points_to_text("Which document gives the total?") == ""


SCHEMA = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "instruction": {"type": "string"},
                    "output": {},
                    "quotes": {"type": "array"},
                    "audience": {"type": "string"},
                },
                "required": ["instruction", "output", "quotes"],
            },
        }
    },
}
CHECKS = "def problem(item, material):\n    return '' if item['audience'] == material.style.company else 'wrong audience'\n"


def user_task(folder, **changes):
    files = {"prompt.md": "Write up to $count items for $company.", "output.schema.json": json.dumps(SCHEMA), "checks.py": CHECKS} | changes
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def test_a_folder_of_the_user_is_a_task_with_its_own_checks(tmp_path):
    user_task(tmp_path / "own" / "cards")
    task = task_named("own/cards", tmp_path)
    item = {"instruction": "How long?", "output": {"days": 14}, "quotes": [KEEP], "audience": "Tarnwell"}
    material = Material(ask(task), style())

    assert task.name == "cards"
    assert task.problem(item, material) == ""
    assert task.problem(item | {"audience": "all"}, material) == "wrong audience"
    assert "checks.py of the task failed: KeyError" in task.problem({name: item[name] for name in item if name != "audience"}, material)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt.md": "Write for $compny, $5."}, r"cards: prompt.md: \$compny is unknown; there are \$company, \$count"),
        ({"prompt.md": "It costs $5."}, "a \\$ stands alone"),
        ({"output.schema.json": "{"}, "cards: output.schema.json: not valid JSON"),
        ({"output.schema.json": '{"type": "banana"}'}, "cards: output.schema.json: not a JSON Schema"),
        ({"output.schema.json": '{"type": "object"}'}, 'an object with a list "items"'),
        ({"output.schema.json": json.dumps(SCHEMA).replace('"quotes"]', '"audience"]')}, "must have and require quotes"),
        ({"output.schema.json": json.dumps(SCHEMA).replace('["instruction", ', "[")}, "instruction or wordings"),
        ({"task.yaml": "inputs: passage"}, "cards: task.yaml: inputs: is not a known field"),
        ({"task.yaml": "a: ["}, "cards: task.yaml: not valid YAML"),
        ({"task.yaml": "needs: seed_tasks"}, "seeds.jsonl cannot be read"),
        ({"task.yaml": "needs: seed_tasks", "seeds.jsonl": "\n"}, "seeds.jsonl is empty"),
        ({"task.yaml": "needs: seed_tasks", "seeds.jsonl": '{"instruction": "a"}'}, "seeds.jsonl line 1: no seed task"),
        ({"checks.py": "import nothing_like_this"}, "checks.py cannot be loaded: ModuleNotFoundError"),
        ({"checks.py": "answer = 1"}, "no function problem"),
    ],
)
def test_a_broken_task_folder_says_what_is_wrong(tmp_path, changes, message):
    user_task(tmp_path / "cards", **changes)

    with pytest.raises(RecipeError, match=message):
        load_tasks(("cards",), root=tmp_path)


def test_a_task_that_does_not_exist_names_those_that_do(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin").mkdir()
    (tmp_path / "latin" / "prompt.md").write_bytes(b"caf\xe9")
    for names, message in (
        (("sumarization",), "sumarization: no such task or folder; did you mean summarization"),
        (("my/own",), "shipped are back_translation, .*; or give a folder with prompt.md"),
        (("empty",), "empty: prompt.md cannot be read .*see the shipped back_translation"),
        (("latin",), "it is not UTF-8"),
        ((), "generate.tasks: empty"),
        (("rewriting", "rewriting"), "two tasks are named rewriting"),
    ):
        with pytest.raises(RecipeError, match=message):
            load_tasks(names, root=tmp_path)


def test_a_mapping_gives_the_weights():
    tasks = load_tasks({"procedure": 2.5, "rewriting": 1}, root=Path())

    assert [(task.name, task.weight) for task in tasks] == [("procedure", 2.5), ("rewriting", 1)]
    assert tasks_hash({"procedure": 2.5}, root=Path()) != tasks_hash(("procedure",), root=Path())


@pytest.mark.parametrize("name", ["prompt.md", "output.schema.json", "checks.py", "notes/example.txt"])
def test_the_hash_of_the_tasks_follows_every_file_but_no_debris(tmp_path, name):
    user_task(tmp_path / "cards")
    (tmp_path / "cards" / "notes").mkdir()
    (tmp_path / "cards" / "notes" / "example.txt").write_text("one")
    before = tasks_hash(("cards",), root=tmp_path)
    (tmp_path / "cards" / "__pycache__").mkdir(exist_ok=True)
    (tmp_path / "cards" / "__pycache__" / "checks.pyc").write_text("x")
    untouched = tasks_hash(("cards",), root=tmp_path)
    with (tmp_path / "cards" / name).open("a") as file:
        file.write("\n")

    assert untouched == before
    assert tasks_hash(("cards",), root=tmp_path) != before


def test_seed_tasks_of_the_user_are_read(tmp_path):
    path = tmp_path / "seeds.jsonl"
    path.write_text('{"instruction": "Sort these.", "input": "b a", "output": "a b"}\n\n{"instruction": "Add 1 and 2.", "output": "3"}\n')

    assert [(draft.instruction, draft.input, draft.output) for draft in read_seeds(path)] == [
        ("Sort these.", "b a", "a b"),
        ("Add 1 and 2.", "", "3"),
    ]
