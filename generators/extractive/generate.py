"""Documents in, drafts out: facts from every section, filtered, then worded."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from generators.difficulty import FIELD
from generators.extractive.catalogue import difficulty_of
from generators.extractive.clauses import Clause, strip_connective, without_also
from generators.extractive.continuing import continued, place_of
from generators.extractive.doubts import signs, wordy
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
from generators.extractive.families import sections as whole
from generators.extractive.filters import exemplary, sound
from generators.extractive.forms import draw
from generators.extractive.framed import framed
from generators.extractive.glossary import Glossary
from generators.extractive.lexicon import Lexicon, lexicon
from generators.extractive.other_languages import ENGLISH, languages, structural
from generators.extractive.page import Quote, Section, Sentence, chunk_of, sections
from generators.extractive.parsing import parse
from generators.extractive.placing import placed
from generators.extractive.scope import Scopes
from generators.extractive.topics import topic_of
from generators.fitness import boilerplate, superseded
from generators.interface import Source
from schemas.records import Document, Draft, Dropped, Provenance, Reason

_TITLE_TAIL = re.compile(
    r"[:–—(].*$|\b(?:user|operating|owner'?s|reference|quick)?\s*(?:manual|guide|handbook|instructions|datasheet|data sheet)\b.*$",
    re.IGNORECASE,
)
_UNTITLED = re.compile(
    r"(?:readme|faqs?|news|todo|install(?:ation|ing)?|contributing|changelog|index|authors|copying|notes?)\b", re.IGNORECASE
)
_HISTORY = re.compile(
    r"(?:release notes?|change ?logs?|changes|news|to-?dos?|fixes|bug ?fixes|improvements|what[’']s new)\b|.*\b\d+\.\d+", re.IGNORECASE
)  # under which an imperative says what was or will be done, not what the reader has to do
_AUTHOR = re.compile(r"(?<![\"“‘'])\b(?:I|me|my) [a-z]")  # who would be mixed up with the asker
_MOST_OPEN = 2  # facts of a section that are asked of its passage
_MOST_OF_PASSAGE = 3  # wordings of what comes with a passage


def generate(
    sources: Iterable[Source], *, company: str, wordings: int, seed: int, glossary: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Draft | Dropped]:
    """Turn `sources` into drafts, and the chunks that gave nothing into Dropped."""
    held = list(sources)
    counted = lexicon(source.document for source in held)
    settings = {"company": company, "wordings": wordings, "seed": seed, "glossary": glossary}
    for source in held:
        yield from generate_document(source, lexicon=counted.for_text(source.document.text), **settings)


def generate_document(  # noqa: PLR0913 one keyword for each setting
    source: Source, *, lexicon: Lexicon, company: str, wordings: int, seed: int, glossary: Mapping[str, Sequence[str]] | None = None
) -> list[Draft | Dropped]:
    """The drafts of one document, which depend on nothing but the arguments.

    Args:
        source: the document with its chunks.
        lexicon: the corpus statistics that concern it (`Lexicon.for_text`).
        company: the company's name, which stands for "we" beside the asker's "I".
        wordings: most wordings of one fact.
        seed: decides which forms are drawn.
        glossary: terms and what people also call them.
    """
    unfit = _unfit(source.document)
    if unfit:
        return [Dropped.of(chunk, "generate", Reason.NOTHING_TO_ASK, unfit) for chunk in source.chunks]
    context = context_of(source.document, lexicon, company, glossary)
    drafts = _one_answer_each(
        draft for fact in document_facts(source.document, context) for draft in _drafts(fact, context, source, wordings=wordings, seed=seed)
    )
    used = {draft.provenance.chunk_id for draft in drafts}
    silent = [chunk for chunk in source.chunks if chunk.id not in used]
    detail = "no rule found a question that can be asked about it"
    return [*drafts, *(Dropped.of(chunk, "generate", Reason.NOTHING_TO_ASK, detail) for chunk in silent)]


def document_facts(document: Document, context: Context) -> list[Fact]:
    """The facts of `document` that survive the filters, each question once."""
    kept: dict[object, Fact] = {}
    found = sections(document)
    context = replace(context, headings=tuple(section.heading for section in found if 2 <= section.level <= 3))
    scopes = Scopes(found, context)
    facts = chain.from_iterable(
        (replace(fact, doubts=signs(fact, section, document.text)) for fact in _section_facts(section, found, scopes, context))
        for section in found
    )
    for fact in chain(facts, passages.outline(found, context)):
        kept.setdefault((fact.family, fact.slots, fact.topic, fact.input), fact)
    return list(kept.values())


def _section_facts(section: Section, found: Sequence[Section], scopes: Scopes, context: Context) -> Iterator[Fact]:
    """The facts of one section: as plain questions where they stand alone, of their passage too where they do not."""
    if context.language != ENGLISH:
        yield from structural(section, context)
        return
    opened, scope = 0, scopes.of(section)
    for fact in _facts(section, context):
        asked = fact if fact.input else placed(fact, section, scope, context)
        if asked:
            yield asked
        if fact.input:
            continue
        if opened < _MOST_OPEN and (asked is None or asked.scoped or asked.named or passages.also_open_book(fact)):
            copy = passages.open_book(fact, section)
            opened += copy is not None
            yield from (copy,) if copy else ()
        open_question = passages.left_open(asked, found) if asked else None
        yield from (open_question,) if open_question else ()


def _unfit(document: Document) -> str:
    """Why nothing may be asked about `document` at all, or an empty string."""
    if superseded(document):
        return "superseded document"
    if (language := _language(document)) not in languages():
        return f"there are no question forms for its language ({language}), only for {', '.join(sorted(languages()))}"
    return "legal boilerplate" if boilerplate(document) else ""


def _language(document: Document) -> str:
    """The language that the document was found to be in; English where that is not sure."""
    return str(document.metadata.get("language") or ENGLISH)[:2].lower()


def context_of(document: Document, lexicon: Lexicon, company: str, glossary: Mapping[str, Sequence[str]] | None = None) -> Context:
    """What the rules may know about `document` beside its sections."""
    title = document.title
    product = next((name for name in sorted(lexicon.products, key=title.find) if name in title), "")
    core = _TITLE_TAIL.sub("", title).strip()
    cut = core not in {"", title} and len(core.split()) <= 2 and not _UNTITLED.match(core)
    if not product and cut and lexicon.is_proper(core.split(maxsplit=1)[0]):
        product = core
    described = re.match(rf"{re.escape(product)} (?:[\w-]+ )?(\w+)\s*:", title) if product else None
    noun = described.group(1) if described else ""
    owned, language = Glossary.of(glossary or {}), _language(document)
    return Context(lexicon, company, document.path, title, product, noun, glossary=owned, language=language)


def _facts(section: Section, context: Context) -> Iterator[Fact]:
    if section.parts and isinstance(section.parts[0], Quote):
        yield from tickets.tickets(section)
        return
    topic = topic_of(section.heading, context)
    yield from questions.questions(section, topic, context)
    steps = list(headings.procedures(section, topic, context))
    yield from steps
    yield from lists.lists(section, context)
    yield from tables.tables(section, context)
    for sentence in section.sentences():
        place = place_of(sentence, section)
        yield from filter(None, (continued(fact, place, context.lexicon) for fact in _sentence_facts(section, sentence, context)))
    if not any(map(sound, steps)):
        yield from whole.sections(section, context)
    yield from passages.passages(section, topic, context)


def _sentence_facts(section: Section, sentence: Sentence, context: Context) -> Iterator[Fact]:
    yield from definitions.acronym(sentence, context)
    text = without_also(strip_connective(sentence.text))
    if len(text.split()) > 60 or text.endswith((":", "?")) or exemplary(section, sentence) or _AUTHOR.search(text):
        return
    stripped = replace(sentence, text=text)
    yield from conditions.conditions(stripped, context)
    yield from reasons.purposes(stripped, context)
    yield from people.contacts(stripped, context)
    for moved in framed(stripped, context):
        spoken = moved.voiced(context.company)
        yield from [*amounts.amounts(stripped, spoken), *rules.rules(stripped, spoken, limit=22)][:2]
    clause = parse(text, context.lexicon)
    if clause is not None and clause.aux not in {"was", "were"}:
        yield from _clause_facts(section, stripped, clause.voiced(context.company), context)


def _clause_facts(section: Section, sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """At most two facts of one clause, the surest families first."""
    if clause.imperative and any(map(_HISTORY.match, section.path)):
        return
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


def _one_answer_each(drafts: Iterable[Draft]) -> list[Draft]:
    """The drafts without those that ask what another fact was asked before, and answer it otherwise; the first stays."""
    answers: dict[tuple[str, str], str] = {}
    return [draft for draft in drafts if answers.setdefault((draft.instruction.lower(), draft.input), draft.output) == draft.output]


def _drafts(fact: Fact, context: Context, source: Source, *, wordings: int, seed: int) -> list[Draft]:
    """The wordings of `fact` as drafts; one that can be asked in one way only is dropped whole, unless its topic makes it so."""
    chunk = chunk_of(source.chunks, fact.spans[0])
    most = min(wordings, _MOST_OF_PASSAGE) if fact.input else wordings
    drawn = draw(fact, context, wordings=most, seed=seed)
    if chunk is None or len(drawn) < min(1 if fact.scoped or fact.opening else 2, most):
        return []
    document = source.document
    spans = () if fact.absent else fact.spans
    quotes = tuple(document.text[start:end] for start, end in spans)
    group = fact.group(document.id)
    provenance = Provenance(document_id=document.id, chunk_id=chunk.id, generator="extractive", rule=fact.family)
    level = difficulty_of(fact.family, fact.task)
    answers = [fact.answer if fact.absent else f"{wording.lead} {fact.answer}".strip() for wording in drawn]
    return [
        Draft.of(
            task=fact.task, instruction=wording.question, output=answer,
            quotes=quotes, group=group, form=wording.form, provenance=provenance, input=fact.input, spans=spans,
            grounding="absent" if fact.absent else "quoted",
            flags=fact.doubts if fact.input else (*fact.doubts, *wordy(wording.question, answer)),
            extra={FIELD: level} if level else {},
        )
        for wording, answer in zip(drawn, answers, strict=True)
    ]  # fmt: skip
