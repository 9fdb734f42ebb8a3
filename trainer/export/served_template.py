"""The chat template for llama.cpp, whose Jinja does not know TRL's marks of what is trained on."""

import re

_MARK = re.compile(r"\{%(-?)\s*(end)?generation\s*(-?)%\}")


def for_llama_cpp(template: str) -> str:
    """Return a template without TRL's generation marks, that renders the same: their control of whitespace keeps working."""
    return _MARK.sub(lambda mark: f"{{%{mark[1]} {'endif' if mark[2] else 'if true'} {mark[3]}%}}", template)
