"""Documents in, drafts out: facts from every section, filtered, then worded."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from generators.extractive.clauses import parse, strip_connective
from generators.extractive.facts import Context, Fact
from generators.extractive.families import (
    amounts,
    conditions,
    definitions,
    headings,
    lists,
    passages,
    people,
    places,
    reasons,
    rules,
    tables,
    tickets,
)
from generators.extractive.filters import names_heading, resolve, sound, specific
from generators.extractive.forms import draw
from generators.extractive.lexicon import Lexicon, heading_key, lexicon
from generators.extractive.page import Quote, Section, Sentence, chunk_of, sections
from generators.extractive.topics import topic_of
from generators.interface import Source
from schemas.records import Chunk, Document, Draft, Dropped, Provenance, Reason, content_id

_LEGAL = re.compile(
    r"\b(?:shall|hereby|herein|thereof|liability|liable|trademarks?|warranty of any kind|indemnif\w+|cookies?|all rights reserved|employee agrees|jurisdiction|notwithstanding|pursuant)\b",
    re.IGNORECASE,
)
_SUPERSEDED = re.compile(r"\b(?:superseded|no longer in force|obsolete|withdrawn|deprecated|archived)\b", re.IGNORECASE)
_TITLE_TAIL = re.compile(
    r"[:–—(].*$|\b(?:user|operating|owner'?s|reference|quick)?\s*(?:manual|guide|handbook|instructions|datasheet|data sheet)\b.*$",
    re.IGNORECASE,
)


def generate(sources: Iterable[Source], *, company: str, wordings: int, seed: int) -> Iterator[Draft | Dropped]:
    """Turn `sources` into drafts, and the chunks that gave nothing into Dropped."""
    held = list(sources)
    words = lexicon(source.document for source in held)
    for source in held:
        yield from generate_document(source, lexicon=words.for_text(source.document.text), company=company, wordings=wordings, seed=seed)


def generate_document(source: Source, *, lexicon: Lexicon, company: str, wordings: int, seed: int) -> list[Draft | Dropped]:
    """The drafts of one document, which depend on nothing but the arguments."""
    unfit = _unfit(source.document)
    if unfit:
        return [Dropped.of(chunk, "generate", Reason.NOTHING_TO_ASK, unfit) for chunk in source.chunks]
    drafts: list[Draft] = []
    for fact, context in document_facts(source.document, lexicon=lexicon, company=company):
        chunk = chunk_of(source.chunks, fact.spans[0])
        if chunk:
            drafts.extend(_drafts(fact, context, source.document, chunk, wordings=wordings, seed=seed))
    used = {draft.provenance.chunk_id for draft in drafts}
    silent = [
        Dropped.of(chunk, "generate", Reason.NOTHING_TO_ASK, "no rule found a question that can be asked about it")
        for chunk in source.chunks
        if chunk.id not in used
    ]
    return [*drafts, *silent]


def document_facts(document: Document, *, lexicon: Lexicon, company: str) -> list[tuple[Fact, Context]]:
    """The facts of `document` that survive the filters, one per statement."""
    context = _context(document, lexicon, company)
    kept: dict[tuple[str, str], tuple[Fact, Context]] = {}
    asked: set[str] = set()
    for section in sections(document):
        for fact in _facts(section, context):
            scoped = _scope(fact, section, context)
            if scoped is None or scoped.family + repr(scoped.slots) + scoped.topic in asked:
                continue
            asked.add(scoped.family + repr(scoped.slots) + scoped.topic)
            kept.setdefault((scoped.family, repr(scoped.spans) + repr(scoped.slots)), (scoped, context))
    return list(kept.values())


def _unfit(document: Document) -> str:
    first = next((line for line in document.text.splitlines() if line.strip() and not line.startswith("---")), "")
    opening = document.text[:400]
    if (
        str(document.metadata.get("status", "")).lower() in {"superseded", "obsolete", "archived", "withdrawn"}
        or _SUPERSEDED.search(first)
        or re.search(
            r"this (?:version|document|policy|page) (?:is|has been|was) (?:superseded|withdrawn|no longer)", opening, re.IGNORECASE
        )
    ):
        return "superseded document"
    count = max(1, len(document.text.split()))
    return "legal boilerplate" if len(_LEGAL.findall(document.text)) * 60 > count else ""


def _context(document: Document, lexicon: Lexicon, company: str) -> Context:
    product = next((name for name in sorted(lexicon.products, key=document.title.find) if name in document.title), "")
    core = _TITLE_TAIL.sub("", document.title).strip()
    if not product and core != document.title and core and len(core.split()) <= 2 and lexicon.is_proper(core.split()[0]):
        product = core
    described = re.match(rf"{re.escape(product)} (?:[\w-]+ )?(\w+)\s*:", document.title) if product else None
    return Context(lexicon, company, document.title, product, described.group(1) if described else "")


def _facts(section: Section, context: Context) -> Iterator[Fact]:
    if any(isinstance(part, Quote) for part in section.parts):
        yield from tickets.tickets(section, context)
        return
    topic = topic_of(section, context)
    yield from headings.questions(section, topic, context)
    yield from headings.procedures(section, topic, context)
    yield from lists.lists(section, context)
    yield from tables.tables(section, context)
    for sentence in section.sentences():
        yield from _sentence_facts(section, sentence, context)
    yield from headings.noun_topics(section, topic, context)
    yield from passages.passages(section, topic, context)


def _sentence_facts(section: Section, sentence: Sentence, context: Context) -> Iterator[Fact]:
    yield from definitions.acronyms(section, sentence, context)
    text = strip_connective(sentence.text)
    stripped = Sentence(text, sentence.span, sentence.before)
    if len(text.split()) > 60 or text.endswith((":", "?")) or re.search(r"\bFor example\b", sentence.before[-200:]):
        return
    yield from conditions.conditions(section, stripped, context)
    yield from reasons.purposes(section, stripped, context)
    yield from people.contacts(section, stripped, context)
    clause = parse(text, context.lexicon)
    if clause is None or clause.aux in {"was", "were"}:
        return
    clause = clause.voiced(context.company)
    yield from _clause_facts(section, stripped, clause, context)


def _clause_facts(section: Section, sentence: Sentence, clause, context: Context) -> Iterator[Fact]:
    found = [
        *definitions.definition(section, sentence, clause, context), *amounts.amounts(section, sentence, clause, context), *people.who(section, sentence, clause, context),
        *reasons.reasons(section, sentence, clause, context), *places.where(section, sentence, clause, context), *places.contents(section, sentence, clause, context),
    ]  # fmt: skip
    yield from found[:2]
    if len(found) < 2:
        yield from (fact for fact in rules.rules(section, sentence, clause, context) if not (found and fact.family.startswith("affirm")))


def _scope(fact: Fact, section: Section, context: Context) -> Fact | None:
    if fact.input:
        return fact
    if not sound(fact):
        return None
    resolved = resolve(fact, section, context)
    if resolved is None:
        return None
    text = " ".join(value for _, value in resolved.slots)
    if (
        context.product
        and not any(name in text for name in {context.product, *context.lexicon.products})
        and not fact.family.startswith("acronym")
    ):
        return _with(resolved, f"the {context.product}")
    repeated = heading_key(section.heading) in context.lexicon.repeated and fact.family.startswith(("howto", "topic", "faq"))
    named = fact.family.startswith("define") and len(fact.slot("X").split()) > 1
    if named or fact.family in {"acronym", "acronym_back", "table_role", "table_ask", "contact", "ticket"}:
        return resolved
    if (not resolved.scoped or names_heading(resolved, section)) and not repeated and specific(resolved, section, context):
        return replace(resolved, scoped=False)
    topic = topic_of(section, context)
    if repeated:
        return None
    name = topic.words if topic.kind == "topic" else ""
    return _with(resolved, name) if name and not fact.family.startswith(("topic", "howto", "list")) else None


def _with(fact: Fact, topic: str) -> Fact:
    return Fact(fact.family, fact.slots, fact.answer, fact.spans, fact.task, fact.input, topic, scoped=True)


def _drafts(fact: Fact, context: Context, document: Document, chunk: Chunk, *, wordings: int, seed: int) -> list[Draft]:
    drawn = draw(fact, context, wordings=wordings, seed=seed)
    if len(drawn) < min(2, wordings):
        return []
    quotes = tuple(document.text[start:end] for start, end in fact.spans)
    group = content_id("fact", document.id, fact.family, fact.spans, fact.slots)
    provenance = Provenance(document_id=document.id, chunk_id=chunk.id, generator="extractive", rule=fact.family)
    return [
        Draft.of(
            task=fact.task, instruction=wording.question, output=f"{wording.lead} {fact.answer}".strip(), quotes=quotes, group=group, form=wording.form,
            provenance=provenance, input=fact.input, spans=fact.spans,
        )
        for wording in drawn
    ]  # fmt: skip
