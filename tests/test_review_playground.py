"""The playground: models in a process of their own, which answers as `kilopair chat` does and never stays behind."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from builder.lineage import split_pairs
from builder.review.opened import opened_review
from builder.review.playground import Asked, Playground, StoppedError, places
from builder.review.playground_questions import nearest
from builder.store import write_json
from builder.workspace import link
from schemas.errors import WorkspaceError
from tests.review_pages import Client, reviewing
from tests.review_side import made

QUESTION = "How long is the warranty of the pump?"
# What a server does that is killed in the middle of an answer.
_ASKS_FOR_LONG = """
import sys, threading
from pathlib import Path
from builder.review.playground import Asked, Playground
playground = Playground(Path(sys.argv[1]))
threading.Thread(target=playground.ask, args=(Asked(model="tuned", question="Why?", max_new_tokens=2048, temperature=1.0),), daemon=True).start()
while playground.pid is None: pass
print(playground.pid, flush=True)
threading.Event().wait()
"""


def within(seconds: float, happened: Callable[[], bool]) -> bool:
    """Whether something happens in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happened():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a tiny base and a tiny tuned model of random weights, which answer without end."""
    from tests.tiny_models import chat_tokenizer, saved

    workspace, tokenizer = tmp_path_factory.mktemp("models"), chat_tokenizer()
    for name, spread in (("base", 0.5), ("model", 0.4)):
        saved(workspace / f"made-{name}", "llama", tokenizer, initializer_range=spread, max_position_embeddings=4096)
        (workspace / name).symlink_to(f"made-{name}")
    return workspace


@pytest.fixture(scope="module")
def playground(models: Path) -> Iterator[Playground]:
    playground = Playground(models)
    yield playground
    playground.close()


@pytest.fixture(scope="module")
def ann(ferries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A reviewer of a workspace without models."""
    project = shutil.copytree(ferries, tmp_path_factory.mktemp("playground") / "ferries", symlinks=True)
    with reviewing(project) as client:
        yield client


@pytest.mark.slow
def test_an_answer_is_that_of_chat_and_comes_with_its_counts(playground: Playground, models: Path):
    from trainer.chat import Chat

    said = playground.ask(Asked(model="base", question=QUESTION, max_new_tokens=20))

    chat = Chat(models / "base", prompts_of=models / "model")
    assert said["text"] == chat.answer(QUESTION, max_new_tokens=20)
    assert (said["tokens"], said["stopped"]) == (20, False)
    assert said["prompt_tokens"] > 5
    assert said["seconds"] > 0


@pytest.mark.slow
def test_base_and_tuned_live_in_one_process_and_are_loaded_once(playground: Playground):
    first = playground.ask(Asked(model="tuned", question=QUESTION, max_new_tokens=8))
    pid = playground.pid
    again = playground.ask(Asked(model="tuned", question=QUESTION, max_new_tokens=8))
    other = playground.ask(Asked(model="base", question=QUESTION, max_new_tokens=8))

    assert playground.pid == pid is not None
    assert first["text"] == again["text"] != other["text"]
    assert again["loading"] < 0.1


@pytest.mark.slow
def test_a_temperature_draws_and_the_same_seed_draws_the_same(playground: Playground):
    def drawn(seed: int) -> str:
        return playground.ask(Asked(model="tuned", question=QUESTION, max_new_tokens=12, temperature=1.5, seed=seed))["text"]

    assert drawn(1) == drawn(1)
    assert len({drawn(seed) for seed in range(4)}) > 1


@pytest.mark.slow
def test_what_the_model_cannot_read_is_told_in_one_line_and_the_next_question_is_answered(playground: Playground):
    with pytest.raises(WorkspaceError, match="control token"):
        playground.ask(Asked(model="tuned", question="What <|end|> now?"))
    with pytest.raises(WorkspaceError, match="reads at most 4096"):
        playground.ask(Asked(model="tuned", question="x1 " * 6000))

    assert playground.ask(Asked(model="tuned", question=QUESTION, max_new_tokens=2))["tokens"] == 2


@pytest.mark.slow
def test_a_model_that_was_made_again_is_loaded_again_and_a_damaged_one_is_told_in_one_line(playground: Playground, models: Path):
    def tuned() -> str:
        return playground.ask(Asked(model="tuned", question=QUESTION, max_new_tokens=8))["text"]

    before, pid = tuned(), playground.pid
    shutil.copytree(models / "made-model", models / "damaged")
    (models / "damaged" / "model.safetensors").write_bytes(b"no model")

    link(models / "damaged", models / "model")
    with pytest.raises(WorkspaceError, match=r"cannot (load|answer)") as told:
        tuned()
    link(models / "made-base", models / "model")
    other = tuned()
    link(models / "made-model", models / "model")

    assert "\n" not in str(told.value)
    assert (tuned(), playground.pid) == (before, pid)
    assert other != before


@pytest.mark.slow
def test_stop_ends_an_answer_and_those_who_wait_and_the_next_process_ends_when_it_is_idle(playground: Playground):
    playground.ask(Asked(model="tuned", question=QUESTION, max_new_tokens=1))
    pid = playground.pid
    long = Asked(model="tuned", question=QUESTION, max_new_tokens=2048)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(playground.ask, long) for _ in range(2)]
        time.sleep(0.3)
        assert playground.stop()
        for one in waiting:
            with pytest.raises(StoppedError):
                one.result(10)
    assert playground.pid is None
    assert not playground.stop()

    playground.idle_seconds = 0.2
    assert playground.ask(Asked(model="tuned", question=QUESTION, max_new_tokens=1))["tokens"] == 1
    assert playground.pid != pid
    assert within(10, lambda: playground.pid is None)


@pytest.mark.slow
def test_a_process_that_is_killed_is_told_with_its_likely_cause(models: Path):
    playground = Playground(models)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(playground.ask, Asked(model="base", question=QUESTION))
        assert within(10, lambda: playground.pid is not None)
        psutil.Process(playground.pid).kill()
        with pytest.raises(WorkspaceError, match="it was killed, perhaps because the memory of this machine is full"):
            asked.result(10)
    playground.close()


@pytest.mark.slow
def test_the_process_ends_with_the_server_however_that_ends(models: Path):
    server = subprocess.Popen([sys.executable, "-c", _ASKS_FOR_LONG, str(models)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    worker = psutil.Process(pid)

    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.close()

    assert within(10, lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_the_server_never_loads_torch():
    code = "import sys, builder.review.server, builder.review.explore; print('torch' in sys.modules, 'transformers' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]


def test_without_models_the_page_and_the_answer_say_what_to_run(ann: Client):
    page = ann.page("/explore/playground")

    assert page.count("run kilopair train with your recipe") == 2
    assert 'id="ask"' not in page
    for model in ("base", "tuned"):
        reply = ann.post("/api/playground/ask", {"model": model, "question": "Why?"})
        assert (reply.status_code, reply.json()["error"].count("kilopair train")) == (503, 1)


def test_a_base_of_the_hub_is_asked_by_its_name(models: Path, tmp_path: Path):
    write_json(tmp_path / "manifest.json", {"stages": {"pretrain": {"counts": {"base": "company/some-base"}}}})
    (tmp_path / "model").symlink_to(models / "model")

    found = places(tmp_path)

    assert found["base"].folder == "company/some-base"
    assert found["tuned"].folder == str((models / "model").resolve())


@pytest.mark.parametrize(
    "body",
    [{}, {"model": "../etc", "question": "a"}, {"model": "base", "question": ""}, {"model": "base", "question": "a", "temperature": 9}, {"model": "base", "question": "a", "folder": "/etc"}],
)  # fmt: skip
def test_a_question_that_is_none_is_refused_in_one_line(ann: Client, body: dict[str, object]):
    reply = ann.post("/api/playground/ask", body)

    assert reply.status_code == 400
    assert "\n" not in reply.json()["error"]


def test_a_question_without_the_token_of_a_page_is_refused(ann: Client):
    assert ann._client.post("/api/playground/ask", json={"model": "base", "question": "a"}).status_code == 403


def test_a_held_out_question_is_drawn_without_its_answer(ann: Client, ferries: Path):
    held_out = {pair.id: pair for pair in split_pairs(ferries / "workspace") if pair.split != "train"}

    drawn = [ann.get("/api/playground/draw").json()["question"] for _ in range(12)]

    assert len({one["id"] for one in drawn}) > 1
    assert all(one["instruction"] == held_out[one["id"]].instruction for one in drawn)
    assert all("output" not in one for one in drawn)
    assert ann.get("/api/playground/draw?split=test").json()["question"]["split"] == "test"
    assert ann.get("/api/playground/draw?split=nothing").json() == {"question": None}


def test_the_nearest_held_out_question_comes_with_its_answer_and_its_passage(ann: Client, ferries: Path):
    pair = next(pair for pair in split_pairs(ferries / "workspace") if pair.split == "test" and pair.grounding == "quoted")

    same = ann.post("/api/playground/nearest", {"question": pair.instruction, "input": pair.input}).json()["nearest"]
    near = ann.post("/api/playground/nearest", {"question": f"{pair.instruction} Please."}).json()["nearest"]

    assert (same["id"], same["is_same"], same["likeness"], same["output"]) == (pair.id, True, 100, pair.output)
    span = same["source"]["evidence"][0]
    assert same["source"]["text"][span["start"] : span["end"]] == pair.evidence[0].quote
    assert near["is_same"] is False
    assert near["likeness"] < 100
    assert ann.post("/api/playground/nearest", {"question": "zzz qqq 77123"}).json() == {"nearest": None}


def test_the_very_same_question_is_known_however_long_it_is_and_however_many_are_worded_alike(tmp_path: Path):
    dataset = made(documents=1, chunks=1, facts=12, left_out=0, failed=0)
    long = f"{'What is to be done before the pump is started, ' * 20}and who does it?"
    alike = {"instruction": "Sum it up.", "split": "test"}
    dataset.chosen = [pair.model_copy(update=alike | {"input": f"Text {number}"}) for number, pair in enumerate(dataset.chosen)]
    dataset.chosen[0] = dataset.chosen[0].model_copy(update={"instruction": long})
    dataset.write(tmp_path, until="curate")

    with opened_review(tmp_path) as (index, _):
        found = [nearest(index, *asked) for asked in (("Sum it up.", "Text 11"), (long, "Text 0"), ("Sum it up.", "a text of my own"))]

    assert [near and near.is_same for near in found] == [True, True, False]
    assert [near and near.pair.id for near in found[:2]] == [dataset.chosen[11].id, dataset.chosen[0].id]


def test_a_question_of_the_dataset_is_put_into_the_form(ferries: Path, models: Path, tmp_path: Path):
    project = shutil.copytree(ferries, tmp_path / "ferries", symlinks=True)
    (project / "workspace" / "model").symlink_to(models / "model")
    pair = split_pairs(project / "workspace")[0]

    with reviewing(project) as client:
        page = client.page(f"/explore/playground?id={pair.id}")

    assert f"{pair.instruction[:20]}" in page
    assert "Ask the model" in page  # there is one only
    assert page.count("run kilopair train with your recipe") == 1
