"""Secrets and personal data of one document: found, and masked so that every other character stays where it was.

Applied right after reading, so that nothing later ever sees them: not the workspace, not a model, not a log.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from pydantic import JsonValue, TypeAdapter, ValidationError

from builder.findings.personal import apart_from, personal
from builder.findings.secrets import secrets
from schemas.findings import Action, Finding, FindingsSection, Kind, Place, Rule, Severity, places, shown
from schemas.records import Document, content_id

CODE = ("schemas.findings", "builder.findings.mask", "builder.findings.personal", "builder.findings.secrets")  # decides what is masked
MASKED = "masked"  # in the metadata of a document: the findings that were masked in it
_PLACEHOLDERS: dict[Rule, str] = {
    "secret": "[secret]",
    "email": "[e-mail]",
    "phone": "[phone]",
    "payment_card": "[card]",
    "iban": "[account]",
    "national_id": "[id]",
    "ip_address": "[address]",
}
_SEVERITIES: dict[Rule, Severity] = {"secret": "high", "payment_card": "high", "national_id": "high", "iban": "medium"}
_FINDINGS = TypeAdapter(tuple[Finding, ...])
_BULLET = "•"


def guarded(document: Document, policy: FindingsSection) -> Document:
    """Return the document with everything masked that the policy does not allow; the run may still stop at it."""
    plain = document.model_copy(update={"metadata": _without(document.metadata, policy)})
    found = [finding for finding in sensitive(document, policy) if finding.action != "allow"]
    return masked(plain, found) if found else plain


def masked(document: Document, findings: Iterable[Finding]) -> Document:
    """Return the document with the characters of the findings replaced, one for one, and noted in its metadata.

    Secrets and personal data only; spans are of this document's text, so that all offsets, pages too, stay exact.
    """
    mine = [finding for finding in findings if finding.rule in _PLACEHOLDERS and finding.places[0].document_id == document.id]
    spans: list[tuple[int, int, Rule]] = sorted((place.start, place.end, finding.rule) for finding in mine for place in finding.places)
    if not spans:
        return document
    text = _replaced(document.text, spans)
    values = {document.text[start:end]: placeholder(rule, document.text[start:end]) for start, end, rule in spans}
    new = content_id("doc", text)
    noted = [*already_masked(document), *mine]
    moved = [f.model_copy(update={"places": tuple(p.model_copy(update={"document_id": new}) for p in f.places)}) for f in noted]
    return document.model_copy(
        update={
            "id": new,
            "text": text,
            "title": _said(document.title, values),
            "remarks": tuple(remark.model_copy(update={"message": _said(remark.message, values)}) for remark in document.remarks),
            "metadata": {
                **{name: _mapped(value, values) for name, value in document.metadata.items() if name != MASKED},
                MASKED: _FINDINGS.dump_python(tuple(moved), mode="json"),
            },
        }
    )


def already_masked(document: Document) -> tuple[Finding, ...]:
    """Return the findings that were masked in the document."""
    try:
        found = _FINDINGS.validate_python(document.metadata.get(MASKED, ()))
    except ValidationError:  # a field of that name in the front matter of the file
        return ()
    return tuple(finding for finding in found if all(place.end <= len(document.text) for place in finding.places))


def sensitive(document: Document, policy: FindingsSection) -> list[Finding]:
    """Return the secrets and the personal data of a document, one finding for each sort."""
    spans: dict[tuple[Kind, Rule, str], list[tuple[int, int]]] = {}
    secret = list(secrets(document.text))
    is_free = apart_from((start, end) for _, start, end in secret)
    for name, start, end in secret:
        spans.setdefault(("secret", "secret", name), []).append((start, end))
    for rule, name, start, end in personal(document.text):
        if is_free(start, end):
            spans.setdefault(("personal", rule, name), []).append((start, end))
    return [_finding(*sort, places=[*places(document, found, quote=shown)], policy=policy) for sort, found in spans.items()]


def actions(policy: FindingsSection) -> dict[Rule, Action]:
    """Return what happens with secrets and with personal data, by rule."""
    return {
        "secret": policy.secret,
        "email": policy.email,
        "phone": policy.phone,
        "payment_card": policy.payment_card,
        "iban": policy.iban,
        "national_id": policy.national_id,
        "ip_address": policy.ip_address,
    }


def placeholder(rule: Rule, text: str) -> str:
    """Return what stands for `text`: as long as it is, with its line ends where they are."""
    filled = iter(_PLACEHOLDERS[rule].ljust(len(text), _BULLET))
    return "".join(character if character == "\n" else next(filled) for character in text)


def _finding(kind: Kind, rule: Rule, name: str, *, places: Sequence[Place], policy: FindingsSection) -> Finding:
    action, first = actions(policy)[rule], places[0]
    count = f"{len(places)} times " if len(places) > 1 else ""
    done = {"mask": "masked in all that follows", "stop": "the run stops", "allow": "kept, as the recipe allows"}[action]
    lead = f"{first.path}:{first.line}: {name} {count}({first.quote}); {done}"
    advice = (
        "; revoke it and take it out of the document" if kind == "secret" else f"; findings.{rule} decides" if action == "allow" else ""
    )
    return Finding(
        kind=kind,
        rule=rule,
        name=name,
        severity=_SEVERITIES.get(rule, "low"),
        action=action,
        places=tuple(places),
        sentence=lead + advice,
    )


def _replaced(text: str, spans: Iterable[tuple[int, int, Rule]]) -> str:
    parts, last = [], 0
    for start, end, rule in spans:
        if start >= last:
            parts += [text[last:start], placeholder(rule, text[start:end])]
            last = end
    return "".join([*parts, text[last:]])


def _said(text: str, values: dict[str, str]) -> str:
    """Replace whole words only: a short value must not eat into others. Of a sheet's thousands few are in a title."""
    inside = sorted((value for value in values if value in text), key=len, reverse=True)
    if not inside:
        return text
    found = re.compile("|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in inside))
    return found.sub(lambda match: values[match.group()], text)


def _mapped(value: JsonValue, values: dict[str, str]) -> JsonValue:
    if isinstance(value, str):
        return _said(value, values)
    if isinstance(value, list):
        return [_mapped(one, values) for one in value]
    return {name: _mapped(one, values) for name, one in value.items()} if isinstance(value, dict) else value


def _without(metadata: dict[str, JsonValue], policy: FindingsSection) -> dict[str, JsonValue]:
    """The front matter without what may not be shown in it; its keys say what its values are."""
    return {name: value if name == MASKED else _hidden(name, value, policy) for name, value in metadata.items()}


def _hidden(name: str, value: JsonValue, policy: FindingsSection) -> JsonValue:
    if isinstance(value, list):
        return [_hidden(name, one, policy) for one in value]
    if isinstance(value, dict):
        return {inner: _hidden(inner, one, policy) for inner, one in value.items()}
    if not isinstance(value, str):
        return value
    lead = f"{name}: "
    spans: list[tuple[int, int, Rule]] = [
        (start - len(lead), end - len(lead), rule) for start, end, rule in sorted(_spans(lead + value, policy)) if start >= len(lead)
    ]
    return _replaced(value, spans)


def _spans(text: str, policy: FindingsSection) -> Iterator[tuple[int, int, Rule]]:
    hidden = {rule for rule, action in actions(policy).items() if action != "allow"}
    if "secret" in hidden:
        for _, start, end in secrets(text):
            yield start, end, "secret"
    for rule, _, start, end in personal(text):
        if rule in hidden:
            yield start, end, rule
