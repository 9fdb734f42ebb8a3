"""Keys, tokens and passwords by their well-known shapes; each is precise, for a false alarm would hide text that people need."""

import math
import re
from collections import Counter
from collections.abc import Iterator

# What every secret of a shape holds: looking for it first spares most documents the search.
_SHAPES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "private key",
        ("private key",),
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[^-]{1,20000}(?:-----END [A-Z0-9 ]{1,40}-----)?",
    ),
    ("AWS access key", ("akia", "asia"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"),
    (
        "AWS secret key",
        ("aws",),
        r"(?i:aws)[\w .\"'-]{0,40}(?i:secret|key)[\w .]{0,20}[\"'`]?\s*(?:=|:|=>)\s*[\"'`]?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    ("Azure storage key", ("accountkey",), r"(?i:AccountKey)=([A-Za-z0-9+/]{86}==)"),
    ("Google API key", ("aiza",), r"\bAIza[\w-]{35}(?![\w-])"),
    ("Google OAuth secret", ("gocspx-", "ya29."), r"\b(?:GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,})"),
    ("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), r"\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{22,255})"),
    ("GitLab token", ("glpat-",), r"\bglpat-[\w-]{20,}"),
    ("Slack token", ("xox",), r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}"),
    ("Slack webhook", ("hooks.slack.com",), r"https://hooks\.slack\.com/services/(T\w{5,20}/B\w{5,20}/\w{16,40})"),
    ("Stripe key", ("k_live_", "k_test_"), r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}"),
    ("model API key", ("sk-",), r"\bsk-(?:proj-|ant-|svcacct-|or-)?(?=[\w-]{0,250}\d)(?=[\w-]{0,250}[A-Z])[\w-]{24,250}"),
    ("Hugging Face token", ("hf_",), r"\bhf_[A-Za-z0-9]{30,50}\b"),
    ("npm token", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("PyPI token", ("pypi-",), r"\bpypi-AgE[\w-]{50,250}"),
    ("SendGrid key", ("sg.",), r"\bSG\.[\w-]{20,24}\.[\w-]{39,50}"),
    ("Twilio key", ("sk",), r"\bSK[0-9a-f]{32}\b"),
    ("Mailgun key", ("key-",), r"\bkey-[0-9a-f]{32}\b"),
    ("Telegram token", (":aa",), r"\b\d{8,10}:AA[\w-]{33}(?![\w-])"),
    ("DigitalOcean token", ("_v1_",), r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    ("Shopify token", ("shp",), r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    ("Vault token", ("hvs.",), r"\bhvs\.[\w-]{24,250}"),
    ("age key", ("age-secret-key",), r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    ("signed web token", ("eyj",), r"\beyJ[\w-]{8,4000}\.eyJ[\w-]{8,8000}\.[\w-]{10,4000}"),
    ("bearer token", ("bearer",), r"(?i:\bbearer)\s+(?=[A-Za-z._~+/-]{0,200}\d)([A-Za-z0-9._~+/-]{20,2000}={0,2})"),
    ("basic authorization", ("authorization",), r"(?i:authorization)[\"']?\s*[:=]\s*[\"']?(?i:basic)\s+([A-Za-z0-9+/]{8,500}={0,2})"),
    ("password in a URL", ("://",), r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@<>\"']{0,80}:([^\s/:@<>\"'{}$]{3,100})@[\w.-]"),
)  # fmt: skip
_PATTERNS = tuple((name, hints, re.compile(pattern)) for name, hints, pattern in _SHAPES)

_NAME = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|passwort|kennwort|contrase[ñn]a|mot de passe|"
    r"secret|credentials?|(?:api|access|auth|private|secret|signing|encryption|account|service)[ _-]?key|token)"
)
_ASSIGNED = re.compile(
    rf"(?<![A-Za-z]){_NAME}(?:[_-]\w{{1,30}})?(?:\]|\))?[\"'`*_]{{0,3}}[ \t]*"
    r"(?:=>|:=|[=:|]|\bis\b|\blautet\b|\bist\b)[ \t]*[\"'`*_“]{0,3}"
    r"([^\s\"'`|<>,;“”]{6,200})",
    re.IGNORECASE,
)
_ASSIGNED_HINTS = ("pass", "pwd", "kennwort", "contrase", "secret", "credential", "key", "token")
_STANDS_FOR = re.compile(  # what stands where a secret belongs, and is none
    r"(?:your|my|the|some|an?|example|sample|dummy|fake|placeholder|insert|enter|change|new|old|see|todo|redacted|none|null|true|false)"
    r"(?![a-z])[\w-]*|.*(?:xxx|\*\*\*|\.\.\.|…|•••|\$\{|\{\{|%\().*|[$%{\[(<\\#/~.].*|.*[(\[].*[)\]].*|https?:.*|www\..*|\S+@\S+\.\S+",
    re.IGNORECASE | re.DOTALL,
)
_DATE_OR_FILE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|[\w/-]+\.(?:md|html?|py|json|ya?ml|txt|pdf|js|ts|com|org|gov|net|io)", re.IGNORECASE
)
_TELLING = 8  # characters from which a secret is looked for everywhere in its document
_BITS = 2.6  # of entropy a character: "Welcome2024!" has 3.3, "aaaaaa11" 0.8


def secrets(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield what each secret is and the span of its characters, wherever it stands, in the order of the text and disjoint."""
    found = _joined([*_shaped(text), *_assigned(text)])
    names = {text[start:end]: name for name, start, end in found if end - start >= _TELLING}
    yield from _joined([*found, *_again(text, names)])


def _again(text: str, names: dict[str, str]) -> Iterator[tuple[str, int, int]]:
    """Every place of the known secrets, in one pass by how they begin: a sheet of accounts may hold thousands."""
    if not names:
        return
    heads: dict[str, list[str]] = {}
    for value in names:
        heads.setdefault(value[:_TELLING], []).append(value)
    for at in range(len(text) - _TELLING + 1):
        for value in heads.get(text[at : at + _TELLING], ()):
            if text.startswith(value, at):
                yield names[value], at, at + len(value)


def _joined(found: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Spans that overlap become one, named after the first."""
    joined: list[tuple[str, int, int]] = []
    for name, start, stop in sorted(found, key=lambda one: one[1]):
        if joined and start < joined[-1][2]:
            first, begin, end = joined[-1]
            joined[-1] = (first, begin, max(end, stop))
        else:
            joined.append((name, start, stop))
    return joined


def _shaped(text: str) -> Iterator[tuple[str, int, int]]:
    lower = text.lower()
    for name, hints, pattern in _PATTERNS:
        if not any(hint in lower for hint in hints):
            continue
        for match in pattern.finditer(text):
            start, end = match.span(pattern.groups)
            if name != "password in a URL" or not _STANDS_FOR.fullmatch(text[start:end]):
                yield name, start, end


def _assigned(text: str) -> Iterator[tuple[str, int, int]]:
    lower = text.lower()
    if not any(hint in lower for hint in _ASSIGNED_HINTS):
        return
    for match in _ASSIGNED.finditer(text):
        value = match.group(1).rstrip(".!?)]*_:")
        if _random(value) and not _STANDS_FOR.fullmatch(value) and not _DATE_OR_FILE.fullmatch(value):
            yield "password", match.start(1), match.start(1) + len(value)


def _random(value: str) -> bool:
    """Whether the characters are mixed as in a password: with a digit or a sign inside, and no plain word or number."""
    letters = sum(map(str.isalpha, value))
    digits = sum(map(str.isdigit, value))
    if len(value) < 6 or not letters or not digits:
        return False
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts) >= (_BITS if len(value) >= 8 else 2.2)
