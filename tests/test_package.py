"""What goes with a tuned model: its card, linked files, the Hub, the server; adapters that find their base."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from openai import AuthenticationError, OpenAI
from transformers import LlamaConfig

from builder.package_stage import check_package, data_lines, link_files, name_of
from builder.serve import Address, served_file, start
from schemas.errors import EndpointError, InputError, UsageError, WorkspaceError
from schemas.training import PackageSection
from tests.fake_hub import fake_hub
from tests.gguf_kinds import TOKENIZERS, saved_model
from tests.tiny_models import a_pair, chat_tokenizer, saved
from trainer.export.card import CardFacts, model_card
from trainer.export.gguf_file import Tuned, write_gguf
from trainer.export.hub import push

SCORES = {"exact_match": 0.5, "token_f1": 0.6, "rouge_l": 0.7, "stop_rate": 1.0}
FIGURES: dict[str, Any] = {
    "pairs": 640, "parameters": 1_035_392, "method": "full", "optimizer": "adamw", "learning_rate": 5e-5, "passes": 3.0, "updates": 120,
    "tokens": 90_000, "lengths": {"longest": 297, "truncated": 0}, "seconds": 80.0, "relative_change": 0.0123,
    "input_share": 1.0,
}  # fmt: skip
PUSH = """
import sys
from functools import partial
from pathlib import Path
from schemas.errors import KilopairError
from trainer.export.hub import push
try:
    print(push(Path(sys.argv[1]), "acme/tarnwell", license=sys.argv[2], public=False))
except KilopairError as error:
    print(error)
"""


def card(**changes: Any) -> str:
    tables = {"n": 30, "overall": {"base": dict.fromkeys(SCORES, 0.0), "tuned": SCORES}}
    facts: dict[str, Any] = {
        "name": "tarnwell", "company": "Tarnwell", "license": "apache-2.0", "languages": ["en", "de"], "base": "acme/small-135m",
        "figures": FIGURES, "evaluation": {"sets": {"paraphrase": tables, "test": tables}}, "set_names": {"test": "test: new passages"},
        "data": ["640 pairs", "25% of the pairs hold text that a language model generated"], "gguf": {}, "generated": True,
    }  # fmt: skip
    return model_card(CardFacts(**(facts | changes)))


def test_the_card_holds_what_the_hub_reads():
    read = ModelCard(card()).data

    assert (read.base_model, read["base_model_relation"], read.license) == ("acme/small-135m", "finetune", "apache-2.0")
    assert read.language == ["en", "de"]
    assert {"kilopair", "sft", "synthetic"} <= set(read.tags)
    assert [(result.dataset_config, result.metric_value) for result in read.eval_results] == [("paraphrase", 0.5), ("test", 0.5)]


def test_the_card_says_which_pairs_took_part_in_fewer_passes():
    assert "| passes over the pairs | 3 |" in card()
    assert "| passes over the pairs | 3; those with an input in 33% after the first |" in card(figures=FIGURES | {"input_share": 1 / 3})


def test_the_card_of_adapters_says_so():
    read = ModelCard(card(is_adapter=True)).data

    assert (read["base_model_relation"], read.library_name) == ("adapter", "peft")


def test_the_card_tells_people_data_figures_limits_and_licence():
    text = card(license="unknown", base="/somewhere/private/models/small")

    assert "25% of the pairs hold text that a language model generated" in text
    assert "| test: new passages | 30 | tuned | 50.0% | 60.0% | 70.0% | 100.0% |" in text
    assert "it answers 50% word for word" in text
    assert "is unknown: ask who trained it" in text
    assert "`small`" in text
    assert "/somewhere" not in text  # a path of this machine
    assert "base_model" not in text.split("---")[1]


def test_the_card_shows_the_exported_files_and_how_to_use_them():
    file = {"bytes": 2_100_000, "n": 60, "prompts_equal": 1.0, "answers_equal": 0.995, "right": 30, "right_kept": 30, **SCORES}

    mixed = {**file, "finer": ["a", "b"], "matrices": 25}
    text = card(gguf={"tarnwell-f16.gguf": file, "tarnwell-q8_0.gguf": mixed})

    assert "| `tarnwell-f16.gguf` | 2.1 | 100.0% | 99.5% | 50.0% | 30 of 30 |" in text
    assert "| `tarnwell-q8_0.gguf` (2 of 25 matrices in a finer form) | 2.1 |" in text
    assert "ollama create tarnwell -f gguf/Modelfile" in text
    assert "gguf" in ModelCard(text).data.tags
    assert "ollama" not in card()


def test_the_data_of_a_card_say_who_worded_the_pairs():
    pairs = [a_pair("a?", "b"), a_pair("c?", "d", group="h")]
    generated = pairs[1].model_copy(update={"provenance": pairs[1].provenance.model_copy(update={"model": "big-model"})})

    lines = data_lines([pairs[0], generated], documents=7)

    assert lines[:3] == [
        "2 pairs on 2 facts, from 7 documents", "worded by rules (50%), big-model (50%)",
        "50% of the pairs hold text that a language model generated",
    ]  # fmt: skip


def test_a_model_is_named_after_the_company_unless_it_has_a_name():
    assert name_of(PackageSection(), "Müller & Söhne GmbH") == "m-ller-s-hne-gmbh"
    assert name_of(PackageSection(), "…") == "model"
    assert name_of(PackageSection(name="Ask-1.0"), "Acme") == "Ask-1.0"


def test_files_are_linked_and_not_copied(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "weights").write_text("x")

    link_files(tmp_path / "a", tmp_path / "c")

    assert (tmp_path / "c" / "b" / "weights").samefile(tmp_path / "a" / "b" / "weights")


def test_a_model_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path):
    saved(tmp_path, "gpt_neox", chat_tokenizer())

    check_package(PackageSection(), tmp_path)
    check_package(PackageSection(gguf=("f16",), converter=Path("convert.py")), tmp_path)
    with pytest.raises(InputError, match=r"package\.gguf: GPTNeoXForCausalLM is not one of .* package\.converter"):
        check_package(PackageSection(gguf=("f16",)), tmp_path)


def pushed(folder: Path, *, license: str = "apache-2.0", **variables: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return subprocess.run(
        [sys.executable, "-c", PUSH, str(folder), license],
        env={**clean, "HF_HOME": str(folder.parent / "home"), "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    for name in ("config.json", "README.md", "training.json", "gguf/Modelfile", "repeat/data/train.jsonl"):
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{{}} {name}\n")
    return tmp_path / "model"


def test_a_push_makes_a_private_repository_of_everything_but_the_pairs(packaged: Path):
    with fake_hub() as hub:
        said = pushed(packaged, HF_ENDPOINT=hub.url, HF_TOKEN="hf_verysecret")

    assert said == f"{hub.url}/acme/tarnwell/commit/1"
    assert [(made["name"], made["organization"]) for made in hub.repositories] == [("tarnwell", "acme")]
    assert hub.repositories[0].get("private", hub.repositories[0].get("visibility") == "private")
    assert set(hub.files) == {"config.json", "README.md", "gguf/Modelfile"}
    assert hub.keys == {"Bearer hf_verysecret"}


def test_what_the_hub_says_is_shown_without_the_token(packaged: Path):
    with fake_hub() as hub:
        hub.refuses = True
        said = pushed(packaged, HF_ENDPOINT=hub.url, HF_TOKEN="hf_verysecret")

    assert said.startswith("--push: the Hub refused acme/tarnwell: ")
    assert "verysecret" not in said
    assert "\n" not in said


def test_a_push_without_token_or_licence_is_refused_before_anything_is_sent(packaged: Path):
    with fake_hub() as hub:
        without_token = pushed(packaged, HF_ENDPOINT=hub.url)
        offline = pushed(packaged, HF_ENDPOINT=hub.url, HF_TOKEN="hf_x", HF_HUB_OFFLINE="1")

    assert without_token == "--push: there is no token for the Hub; run hf auth login, or set HF_TOKEN"
    assert offline == "--push: HF_HUB_OFFLINE is set; unset it to reach the Hub"
    assert not hub.repositories
    with pytest.raises(UsageError, match=r"the licence is unknown; set package\.license"):
        push(packaged, "acme/tarnwell", license="unknown", public=False)
    with pytest.raises(UsageError, match="not the name of a repository; give owner/name"):
        push(packaged, "tarnwell", license="mit", public=False)


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory) -> Path:
    folder, tokenizer = tmp_path_factory.mktemp("model"), TOKENIZERS["smollm"]()
    saved_model(folder, LlamaConfig, tokenizer, {})
    (folder / "gguf").mkdir()
    return write_gguf(Tuned(folder, "tiny", tokenizer, (tokenizer.eos_token_id,)), folder / "gguf" / "tiny-f16.gguf", "f16")


def test_the_server_answers_the_openai_sdk_greedily_and_streams(gguf_file: Path):
    server = start(served_file(gguf_file.parents[1]), Address(port=0, key="sesame"))
    client = OpenAI(base_url=f"{server.listening_address}/v1", api_key="sesame", max_retries=0)
    asked = {"model": "tiny-f16", "messages": [{"role": "user", "content": "How long?"}], "max_tokens": 8}

    whole = [client.chat.completions.create(**asked).choices[0].message.content for _ in range(2)]
    streamed = client.chat.completions.create(**asked, stream=True)

    assert whole[0] == whole[1]
    assert "".join(part.choices[0].delta.content or "" for part in streamed if part.choices).strip() == (whole[0] or "").strip()
    with pytest.raises(AuthenticationError):
        client.with_options(api_key="wrong").chat.completions.create(**asked)


def test_the_serve_command_says_where_it_is_and_ends_with_ctrl_c(gguf_file: Path, tmp_path: Path):
    (tmp_path / "recipe.yaml").write_text("company: Acme\n")
    command = [sys.executable, "-m", "builder.cli.main", "serve", "recipe.yaml", "--file", str(gguf_file), "--port", "0", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))}

    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what was started in the background of a script ignores Ctrl-C

    piped = {"cwd": tmp_path, "env": environment, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **piped, preexec_fn=heeding) as process:  # noqa: PLW1509 - the child only execs
        try:
            said = json.loads(process.stdout.readline() if process.stdout else "")
            client = OpenAI(base_url=said["base_url"], api_key="none", max_retries=0)
            reply = client.chat.completions.create(model=said["model"], messages=[{"role": "user", "content": "Hi"}], max_tokens=4)
            process.send_signal(signal.SIGINT)

            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
    assert (said["model"], reply.model) == ("tiny-f16", "tiny-f16")


def test_the_server_is_not_open_to_others_without_a_key(gguf_file: Path):
    with pytest.raises(UsageError, match=r"--host 0\.0\.0\.0: others could ask the model"):
        start(gguf_file, Address(host="0.0.0.0"))


def test_a_server_that_cannot_start_says_why(gguf_file: Path, tmp_path: Path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(gguf_file.read_bytes()[:500])

    with pytest.raises(EndpointError, match=r"llama\.cpp cannot serve broken\.gguf"):
        start(broken, Address(port=0))
    with pytest.raises(WorkspaceError, match=r"no GGUF file; run kilopair package"):
        served_file(tmp_path)
