"""Everything that is known about a set of documents before anything is asked, the worst first, as records and as a page for people."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from builder.findings.contradictions import contradictions
from builder.findings.injection import injections
from builder.findings.mask import already_masked, masked, sensitive
from builder.findings.versions import repeated, versions
from schemas.findings import KINDS, Finding, FindingsSection, Kind
from schemas.records import Document

_TITLES: dict[Kind, tuple[str, str]] = {
    "secret": ("Secrets", "Revoke them, and take them out of the documents: whoever can read the folder has them."),
    "contradiction": ("Contradictions", "Correct one of the two places, or both rules are taught."),
    "injection": ("Orders to a model", "Take them out unless they belong there; document text is always sent as quoted data."),
    "superseded": ("Older versions", "Leave them out (documents.exclude), or write 'status: superseded' at their top."),
    "duplicate": ("Near copies", "Leave one of them out, or its rules weigh twice."),
    "personal": ("Personal data", "Mask what the model must not know: findings.email and the like, mask or stop."),
    "repeated": ("Repeated paragraphs", "Nothing has to be done: pairs about the same facts are made once."),
}
_SEVERITIES = ("high", "medium", "low")
_MOST = 12  # findings of a kind in the summary; all are in findings.json


def findings(documents: Sequence[Document], policy: FindingsSection) -> list[Finding]:
    """Return what there is to know, the worst first; no quote holds a secret, nor what the policy masks or stops at."""
    delicate = [finding for document in documents for finding in (*already_masked(document), *sensitive(document, policy))]
    by_document: dict[str, list[Finding]] = defaultdict(list)
    for finding in delicate:
        if finding.kind == "secret" or finding.action != "allow":
            by_document[finding.places[0].document_id].append(finding)
    readable = [_quotable(document, by_document[document.id]) for document in documents]
    found = [
        *delicate,
        *contradictions(readable, policy),
        *injections(readable, policy),
        *versions(readable, policy),
        *repeated(readable, policy),
    ]
    return sorted(found, key=_order)


def counts(found: Sequence[Finding]) -> dict[str, Any]:
    """Return how many findings of each kind there are, and at how many the run stops."""
    kinds = Counter(finding.kind for finding in found)
    listed = {kind: kinds[kind] for kind in KINDS if kinds[kind]}
    told = ", ".join(f"{kind} {count:,}" for kind, count in listed.items() if kind != "repeated")
    stop = sum(finding.action == "stop" for finding in found)
    return {"found": listed, "stop": stop, "notices": [f"found in the documents: {told}; kilopair check shows them"] if told else []}


def summary(found: Sequence[Finding], *, documents: int) -> str:
    """Return a page of Markdown: per kind the worst first, and what to do."""
    if not found:
        return f"Nothing to report in {documents:,} documents.\n"
    lines = [f"# Findings in {documents:,} documents", ""]
    for kind in KINDS:
        mine = [finding for finding in found if finding.kind == kind]
        if not mine:
            continue
        title, advice = _TITLES[kind]
        places = sum(len(finding.places) for finding in mine)
        lines += [f"## {title}: {len(mine):,}" + (f" ({places:,} places)" if places != len(mine) else ""), "", advice, ""]
        lines += [f"- {'**stop** ' if finding.action == 'stop' else ''}{finding.sentence}" for finding in mine[:_MOST]]
        lines += [f"- and {len(mine) - _MOST:,} more in findings.json"] if len(mine) > _MOST else []
        lines.append("")
    if stops := sum(finding.action == "stop" for finding in found):
        lines += [f"The run stops at {stops:,} of them, as the recipe says (section findings).", ""]
    return "\n".join(lines)


def _quotable(document: Document, hidden: Sequence[Finding]) -> Document:
    """The document as it may be quoted: masked, under its own id, for spans stay the same."""
    return masked(document, hidden).model_copy(update={"id": document.id}) if hidden else document


def _order(finding: Finding) -> tuple[int, int, int, str, int]:
    first = finding.places[0]
    return (finding.action != "stop", KINDS.index(finding.kind), _SEVERITIES.index(finding.severity), first.path, first.start)
