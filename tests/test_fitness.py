"""Documents that nothing may be asked about."""

import pytest

from generators.fitness import boilerplate, superseded
from schemas.records import Document


def document(text: str, **metadata: str) -> Document:
    return Document.of(path="a.md", title="A", format="markdown", text=text, raw=b"", metadata=dict(metadata))


@pytest.mark.parametrize(
    "old",
    [
        document("# Leave\n\nYou have 25 days.", status="superseded"),
        document("# Leave policy, version 2 (archived)\n\nYou have 25 days."),
        document("# Leave policy (superseded)\n\nYou have 25 days."),
        document("# Leave\n\nThis version has been replaced by version 3.\n\nYou have 25 days."),
    ],
)
def test_an_old_version_is_recognised(old: Document):
    assert superseded(old)


@pytest.mark.parametrize(
    "current",
    [
        document("# Leave\n\nYou have 27 days.", status="in force"),
        document("# How to handle archived tickets\n\nOpen the ticket."),
        document("# Deprecated interfaces\n\nVersion 1 of the interface ends in May."),
        document("# Leave\n\nVersion 3 replaces version 2, which is superseded."),
    ],
)
def test_a_page_about_old_things_is_not_an_old_version(current: Document):
    assert not superseded(current)


def test_dense_legal_text_is_boilerplate_and_a_policy_is_not():
    legal = "You shall hereby indemnify us. All rights reserved. The liability is limited. Cookies are used. " * 4
    policy = (
        "You can carry over up to 5 days of annual leave. The warranty lasts 24 months and our liability ends there. "
        + "Ask your manager. " * 50
    )

    assert boilerplate(document(legal))
    assert not boilerplate(document(policy))
