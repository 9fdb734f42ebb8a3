"""Documents in, drafts out: facts from every section, filtered, then worded."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from generators.extractive.clauses import Clause, strip_connective
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
    questions,
    reasons,
    rules,
    tables,
    tickets,
)
from generators.extractive.filters import names_heading, resolve, sound, specific
from generators.extractive.forms import draw
from generators.extractive.lexicon import Lexicon, heading_key, lexicon
from generators.extractive.page import Quote, Section, Sentence, chunk_of, sections
from generators.extractive.parsing import parse
from generators.extractive.topics import topic_of
from generators.fitness import boilerplate, superseded
from generators.interface import Source
from schemas.records import Document, Draft, Dropped, Provenance, Reason, content_id

_TITLE_TAIL = re.compile(
    r"[:–—(].*$|\b(?:user|operating|owner'?s|reference|quick)?\s*(?:manual|guide|handbook|instructions|datasheet|data sheet)\b.*$",
    re.IGNORECASE,
)
_NEVER_SCOPED = frozenset({"acronym", "acronym_back", "table_role", "table_ask", "contact", "ticket"})
_ONLY_PLAIN = ("topic", "howto", "list")


def generate(sources: Iterable[Source], *, company: str, wordings: int, seed: int) -> Iterator[Draft | Dropped]:
    """Turn `sources` into drafts, and the chunks that gave nothing into Dropped."""
    held = list(sources)
    counted = lexicon(source.document for source in held)
    for source in held:
        yield from generate_document(source, lexicon=counted.for_text(source.document.text), company=company, wordings=wordings, seed=seed)


def generate_document(source: Source, *, lexicon: Lexicon, company: str, wordings: int, seed: int) -> list[Draft | Dropped]:
    """The drafts of one document, which depend on nothing but the arguments."""
    unfit = _unfit(source.document)
    if unfit:
        return [Dropped.of(chunk, "generate", Reason.NOTHING_TO_ASK, unfit) for chunk in source.chunks]
    context = context_of(source.document, lexicon, company)
    drafts: list[Draft] = []
    for fact in document_facts(source.document, context):
        drafts.extend(_drafts(fact, context, source, wordings=wordings, seed=seed))
    used = {draft.provenance.chunk_id for draft in drafts}
    silent = [chunk for chunk in source.chunks if chunk.id not in used]
    detail = "no rule found a question that can be asked about it"
    return [*drafts, *(Dropped.of(chunk, "generate", Reason.NOTHING_TO_ASK, detail) for chunk in silent)]


def document_facts(document: Document, context: Context) -> list[Fact]:
    """The facts of `document` that survive the filters, each question once."""
    kept: dict[object, Fact] = {}
    for section in sections(document):
        opened = 0
        for found in _facts(section, context):
            fact = found if found.input else _scoped(found, section, context)
            if fact is None and opened < 2:
                fact = passages.open_book(found, section)
                opened += fact is not None
            if fact:
                kept.setdefault((fact.family, fact.slots, fact.topic, fact.input), fact)
    return list(kept.values())


def _unfit(document: Document) -> str:
    """Why nothing may be asked about `document` at all, or an empty string."""
    if superseded(document):
        return "superseded document"
    return "legal boilerplate" if boilerplate(document) else ""


def context_of(document: Document, lexicon: Lexicon, company: str) -> Context:
    """What the rules may know about `document` beside its sections."""
    title = document.title
    product = next((name for name in sorted(lexicon.products, key=title.find) if name in title), "")
    core = _TITLE_TAIL.sub("", title).strip()
    if not product and core not in {"", title} and len(core.split()) <= 2 and lexicon.is_proper(core.split(maxsplit=1)[0]):
        product = core
    described = re.match(rf"{re.escape(product)} (?:[\w-]+ )?(\w+)\s*:", title) if product else None
    headings = tuple(section.heading for section in sections(document) if 2 <= section.level <= 3)
    return Context(lexicon, company, document.path, title, product, described.group(1) if described else "", headings)


def _facts(section: Section, context: Context) -> Iterator[Fact]:
    if any(isinstance(part, Quote) for part in section.parts):
        yield from tickets.tickets(section)
        return
    topic = topic_of(section.heading, context)
    yield from questions.questions(section, topic, context)
    yield from headings.procedures(section, topic, context)
    yield from lists.lists(section, context)
    yield from tables.tables(section, context)
    for sentence in section.sentences():
        yield from _sentence_facts(section, sentence, context)
    yield from headings.noun_topics(section, topic)
    yield from passages.passages(section, topic, context)


def _sentence_facts(section: Section, sentence: Sentence, context: Context) -> Iterator[Fact]:
    yield from definitions.acronym(sentence, context)
    text = strip_connective(sentence.text)
    if len(text.split()) > 60 or text.endswith((":", "?")) or "For example" in sentence.before[-200:]:
        return
    stripped = replace(sentence, text=text)
    yield from conditions.conditions(stripped, context)
    yield from reasons.purposes(stripped, context)
    yield from people.contacts(stripped, context)
    clause = parse(text, context.lexicon)
    if clause is not None and clause.aux not in {"was", "were"}:
        yield from _clause_facts(section, stripped, clause.voiced(context.company), context)


def _clause_facts(section: Section, sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """At most two facts of one clause, the surest families first."""
    found = [
        *definitions.definition(section, sentence, clause, context),
        *amounts.amounts(sentence, clause),
        *people.who(sentence, clause, context),
        *reasons.reasons(sentence, clause, context),
        *places.where(sentence, clause, context),
        *places.contents(sentence, clause),
    ]
    yield from found[:2]
    if len(found) < 2:
        yield from (fact for fact in rules.rules(sentence, clause) if not (found and fact.family.startswith("affirm")))


def _scoped(fact: Fact, section: Section, context: Context) -> Fact | None:
    """`fact` as it can be asked without seeing the document: plainly, behind its topic, or not at all."""
    if not sound(fact):
        return None
    resolved = resolve(fact, section, context)
    if _lacks_product(resolved, context):
        return replace(resolved, topic=f"the {context.product}", scoped=True)
    if fact.family in _NEVER_SCOPED or (fact.family.startswith("define") and len(fact.slot("X").split()) > 1):
        return replace(resolved, scoped=False)
    repeated = fact.family.startswith(("howto", "topic", "faq")) and heading_key(section.heading) in context.lexicon.repeated
    if not repeated and (not resolved.scoped or names_heading(resolved, section)) and specific(resolved, section, context):
        return replace(resolved, scoped=False)
    topic = topic_of(section.heading, context)
    if repeated or topic.kind != "topic" or fact.family.startswith(_ONLY_PLAIN):
        return None
    return replace(resolved, topic=topic.words, scoped=True)


def _lacks_product(fact: Fact, context: Context) -> bool:
    """Whether the document is about a product that the question does not name."""
    text = " ".join(value for _, value in fact.slots)
    named = any(name in text for name in {context.product, *context.lexicon.products})
    return bool(context.product) and not named and not fact.family.startswith("acronym")


def _drafts(fact: Fact, context: Context, source: Source, *, wordings: int, seed: int) -> list[Draft]:
    """The wordings of `fact` as drafts; a fact that can be asked in one way only is dropped whole."""
    chunk = chunk_of(source.chunks, fact.spans[0])
    drawn = draw(fact, context, wordings=wordings, seed=seed)
    if chunk is None or len(drawn) < min(2, wordings):
        return []
    document = source.document
    quotes = tuple(document.text[start:end] for start, end in fact.spans)
    group = content_id("fact", document.id, fact.family, fact.spans, fact.slots)
    provenance = Provenance(document_id=document.id, chunk_id=chunk.id, generator="extractive", rule=fact.family)
    return [
        Draft.of(
            task=fact.task, instruction=wording.question, output=f"{wording.lead} {fact.answer}".strip(), quotes=quotes, group=group,
            form=wording.form, provenance=provenance, input=fact.input, spans=fact.spans,
        )
        for wording in drawn
    ]  # fmt: skip
