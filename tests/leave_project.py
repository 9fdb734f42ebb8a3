"""A small project whose language model is reached by files or by hand: one page on leave, and three questions to ask about it."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

from builder.cli.main import group

PAGE = """\
# Leave handbook

## Carrying over annual leave

You can carry over up to 5 days of annual leave into the next year. Carried-over annual leave expires on 31 March.

## Sick leave

You must tell your manager before 9:30 if you are ill. If you are ill for more than 3 days, send a medical certificate to the people team.

## Requesting annual leave

Enter the first and the last day of your leave in Rota. Your manager answers within 2 working days of the request.
"""
RECIPE = """\
company: Tarnwell
documents: {path: pages}
generate: {generator: openai, tasks: [question_answering], target: 3, items_per_request: 1, wordings: 1}
endpoint: {base_url: "http://127.0.0.1:9/v1", model: large, max_wait_seconds: 1}
split: {test: 0, validation: 0, paraphrase: 0}
"""


def answer(line: dict, *, quote: str = "") -> dict:
    """Answer a line of a batch truthfully: one item on the first sentence of its passage."""
    text = "\n".join(message["content"] for message in line["body"]["messages"])
    passage = re.findall(r"<(passage-\w+)>\nDocument:.*?\n\n(.+?)\n</\1>", text, re.DOTALL)[-1][1]
    sentence = re.findall(r"(?m)^[A-Z][^.\n]*\.", passage)[0]
    item = {"wordings": [f"Tarnwell rules: {' '.join(sentence.split()[:9])} what?"], "output": sentence, "quotes": [quote or sentence]}
    message = {"role": "assistant", "content": json.dumps({"items": [item]})}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 90, "completion_tokens": 40}}
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


def leave_project(folder: Path) -> Path:
    """Write the page and a recipe; the commands are to be run in the folder."""
    (folder / "pages").mkdir()
    (folder / "pages" / "leave.md").write_text(PAGE)
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


def kilopair(*arguments: str) -> str:
    """Run a command and return what it prints."""
    result = CliRunner().invoke(group, list(arguments), catch_exceptions=False, standalone_mode=False)
    return result.stdout


def asked(*arguments: str) -> dict:
    """Run a command and return the JSON that it prints."""
    return json.loads(kilopair(*arguments, "--json"))


def exported(*arguments: str) -> tuple[dict, list[dict]]:
    """Export a batch; return what was said, and the lines."""
    facts = asked("batch", "export", "recipe.yaml", *arguments)
    return facts, [json.loads(line) for name in facts["files"] for line in Path(name).read_text().splitlines()]


def taken_in(project: Path, results: list[dict]) -> dict:
    """Import results."""
    (project / "results.jsonl").write_text("".join(json.dumps(result) + "\n" for result in results))
    return asked("batch", "import", "recipe.yaml", "results.jsonl")


def answer_everything(project: Path) -> Path:
    """Have batches answer all that would be asked, so that no endpoint is needed any more."""
    for _ in range(6):
        facts, lines = exported()
        if not facts["requests"]:
            break
        taken_in(project, [answer(line) for line in lines])
    return project


def kept(project: Path) -> dict[str, int]:
    """Return how many records each stage kept, by the manifest."""
    stages = json.loads((project / "workspace" / "manifest.json").read_text())["stages"]
    return {name: stages[name]["counts"]["kept"] for name in ("generate", "validate", "split") if name in stages}
