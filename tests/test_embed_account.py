"""Requests for vectors in the journal and the budget: counted, capped, never paid twice, replayed."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from builder.curation.embed import Embedded, Remembered, account_of
from generators.llm.journal import Journal
from schemas.curation_embed import EmbedSection
from schemas.errors import EndpointError, RecipeError
from schemas.recipe import BudgetSection, EndpointSection
from tests.leave_project import answer_everything, asked, kilopair, leave_project
from tests.test_embed_endpoint import KEY, KEY_NAME, TEXTS, expected, served

SECTION = EmbedSection(by="endpoint", model="embed-small")


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv(KEY_NAME, KEY)


def embedded(folder: Path, endpoint: EndpointSection, *, price: float | None = None, batch: int = 4, **caps) -> Embedded:
    section = SECTION.model_copy(update={"usd_per_million": price})
    account = account_of(section, endpoint, journal=folder / "journal.sqlite", budget=BudgetSection(**caps))
    return Embedded(endpoint, batch=batch, account=account)


def counts(folder: Path):
    with Journal(folder / "journal.sqlite") as journal:
        return journal.counts


def answer_of(count: int, tokens: int) -> tuple[dict, int]:
    rows = [{"index": number, "embedding": [1.0, float(number)]} for number in range(count)]
    return {"data": rows, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}, 200


def test_every_request_is_in_the_journal_with_its_tokens_and_its_price(tmp_path):
    with served(answer_of(4, 40), answer_of(4, 41), answer_of(4, 42), answer_of(1, 9)) as (_, endpoint):
        one_by_one = endpoint.model_copy(update={"concurrency": 1})
        embedded(tmp_path, one_by_one, price=20.0)(TEXTS)

    found = counts(tmp_path)
    assert (found.calls, found.answered, found.prompt_tokens, found.completion_tokens) == (4, 4, 132, 0)
    assert found.usd == pytest.approx(132 * 20 / 1e6)
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.sums("task") == {"embed": 4}
        assert journal.spent("embed").prompt_tokens == 132
        assert [message.content for entry in journal.entries() for message in entry.request.messages] == TEXTS


def test_an_endpoint_that_says_no_tokens_is_counted_by_characters(tmp_path):
    with served() as (server, endpoint):
        embedded(tmp_path, endpoint)(TEXTS)

        sent = sum(len(json.dumps(body)) for _, body, _ in server.asked)
    assert counts(tmp_path).prompt_tokens == pytest.approx(sent / 3.6, rel=0.01)


@pytest.mark.parametrize("packed", [False, True])
def test_what_the_journal_holds_is_not_asked_again_and_gives_the_same_vectors(tmp_path, packed):
    with served(packed=packed) as (server, endpoint):
        first = embedded(tmp_path, endpoint)(TEXTS)
        count = len(server.asked)

        again = embedded(tmp_path, endpoint)(TEXTS)
        some = embedded(tmp_path, endpoint)([*TEXTS[:4], "a new text"])

        assert len(server.asked) == count + 1
    assert np.array_equal(first, again)
    assert np.array_equal(first[:4], some[:4])
    assert np.allclose(first, expected(TEXTS), atol=1e-6)


def test_without_a_network_the_journal_answers(tmp_path, monkeypatch):
    with served() as (_, endpoint):
        first = embedded(tmp_path, endpoint)(TEXTS)
    monkeypatch.delenv(KEY_NAME)

    assert np.array_equal(embedded(tmp_path, endpoint)(TEXTS), first)


def test_a_cap_stops_before_it_is_passed_and_a_higher_one_goes_on_from_there(tmp_path):
    cache = tmp_path / "vectors.sqlite"
    with served() as (server, endpoint):
        with pytest.raises(RecipeError, match=r"budget\.max_calls is reached \(2 of 2\) before all vectors were there; raise it") as error:
            Remembered(embedded(tmp_path, endpoint, max_calls=2), cache)(TEXTS)
        stopped = len(server.asked)
        rows = Remembered(embedded(tmp_path, endpoint, max_calls=9), cache)(TEXTS)

        assert stopped == 2
        assert len(server.asked) == 4
    assert "\n" not in str(error.value)
    assert np.allclose(rows, expected(TEXTS), atol=1e-6)
    assert counts(tmp_path).calls == 4


def test_a_cap_in_tokens_or_dollars_holds_for_vectors_too(tmp_path):
    with served() as (server, endpoint):
        with pytest.raises(RecipeError, match=r"budget\.max_tokens is reached \(0 of 500; the next call may take"):
            embedded(tmp_path, endpoint, max_tokens=500)(TEXTS)
        with pytest.raises(RecipeError, match=r"budget\.max_usd is reached"):
            embedded(tmp_path, endpoint, price=1000.0, max_usd=0.001)(TEXTS)

        assert server.asked == []


def test_dollars_are_capped_only_at_a_known_price():
    paid = EndpointSection(base_url="https://api.openai.com/v1", model="chat", api_key_env=KEY_NAME)
    listed = EmbedSection(by="endpoint", model="text-embedding-3-small")
    capped = BudgetSection(max_usd=5, usd_per_million_input=900, usd_per_million_output=900)

    account = account_of(listed, paid, journal=Path("j"), budget=capped)

    assert account is not None
    assert account.price is not None
    assert account.price.input == pytest.approx(0.02)  # its own, not that of the model that writes the pairs
    with pytest.raises(RecipeError, match=r"the price of embed-small at .* is not in the table; give embed\.usd_per_million"):
        account_of(SECTION, paid, journal=Path("j"), budget=capped)
    assert account_of(EmbedSection(), paid, journal=Path("j"), budget=capped) is None


def test_what_fails_costs_nothing_and_what_is_too_long_is_asked_in_halves(tmp_path):
    with served(({"error": {"message": "broken"}}, 500), longest=40) as (_, endpoint):
        rows = embedded(tmp_path, endpoint.model_copy(update={"concurrency": 1}))(TEXTS)

    found = counts(tmp_path)
    assert np.allclose(rows, expected(TEXTS), atol=1e-6)
    assert found.calls > found.answered >= 4
    assert found.lost_tokens == 0


def vectors_project(folder: Path, url: str) -> None:
    """The project of a language model whose answers are there, with an endpoint for its vectors."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        recipe.read_text()
        + f"embed: {{by: endpoint, model: embed-small, base_url: '{url}', api_key_env: {KEY_NAME}, usd_per_million: 10}}\n"
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(leave_project(tmp_path))
    return answer_everything(tmp_path)


def test_a_run_writes_down_what_its_vectors_cost_and_a_run_from_the_journal_sends_nothing(project: Path):
    with served() as (server, endpoint):
        vectors_project(project, endpoint.base_url)
        kilopair("curate", "recipe.yaml", "-q")
        facts, told, count = asked("journal", "recipe.yaml"), kilopair("journal", "recipe.yaml"), len(server.asked)
        (project / "workspace" / "vectors.sqlite").unlink()
        shutil.rmtree(next((project / "workspace" / "stages").glob("curate-*")))
        kilopair("curate", "recipe.yaml", "-q")

        assert len(server.asked) == count >= 2
    assert facts["by_task"]["embed"] == facts["vectors"]["answered"] == count
    assert facts["vectors"]["tokens"] > 0
    assert facts["vectors"]["usd"] == pytest.approx(facts["vectors"]["tokens"] / 1e5)
    assert re.search(rf"vectors    {count} answers of them, [\d,]+ tokens, 0\.\d{{4}} dollars", told)


def test_a_capped_run_ends_in_one_line_and_goes_on_with_a_higher_cap(project: Path):
    with served() as (server, endpoint):
        vectors_project(project, endpoint.base_url)
        with pytest.raises(RecipeError, match=r"budget\.max_calls is reached"):
            kilopair("curate", "recipe.yaml", "-q", "--set", "budget.max_calls=1", "--set", "embed.batch=1")
        kilopair("curate", "recipe.yaml", "-q", "--set", "budget.max_calls=99", "--set", "embed.batch=1")

        texts = [text for _, body, _ in server.asked for text in body["input"]]
    assert len(texts) == len(set(texts))  # what the first run paid for was not paid again


def test_a_recording_brings_the_vectors_along(project: Path, tmp_path_factory, monkeypatch):
    with served() as (_, endpoint):
        vectors_project(project, endpoint.base_url)
        kilopair("curate", "recipe.yaml", "-q")
    kilopair("record", "recipe.yaml", "answers.jsonl")
    other = leave_project(tmp_path_factory.mktemp("other"))
    recipe = (other / "recipe.yaml").read_text().replace("model: large,", f"model: large, replay: '{project / 'answers.jsonl'}',")
    (other / "recipe.yaml").write_text(f"{recipe}embed: {{by: endpoint, model: embed-small}}\n")
    monkeypatch.chdir(other)

    kilopair("curate", "recipe.yaml", "-q")

    with pytest.raises(EndpointError, match=r"endpoint\.replay: the recording has no vectors of these texts"):
        kilopair("curate", "recipe.yaml", "-q", "--set", "embed.model=another")
