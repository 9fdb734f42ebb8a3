"""What a section answers with as a whole: its own words without what only leads elsewhere, cut where a thought ends."""

import re
from dataclasses import dataclass
from itertools import chain, zip_longest

from generators.extractive.english import stems
from generators.extractive.page import CodePart, ListPart, Paragraph, Quote, Section, Sentence, TablePart
from generators.extractive.rows import filled, holds_data

_LONGEST = 212  # words of an answer
_LONGEST_TABLE = 8  # rows
_LONGEST_LABEL, _FEW_WORDS = 8, 4
_POINTER = re.compile(
    r"(?:[\[(*]*(?:note|reminder|ps)[:*\])]* )?(?:"
    r"(?:please |also,? |or )?(?:see|refer(?:ence)? to|check out|consult)\b|(?:please )?(?:also )?reference\b|"
    r"for (?:more|further|additional|detailed|general|other|any|questions|help|support)\b|"
    r"(?:more|further|additional) (?:information|details|help)|(?:please )?(?:read|learn|find out) more\b|"
    r"you can (?:learn|read|find) (?:out )?more\b|"
    r"if you (?:(?:still )?have|need|want|would like|[’']d like)(?: any| other| more| additional| further| specific| to know)* "
    r"(?:questions?|concerns?|information|details|help|about)\b|questions\b.{0,40}\?$|"
    r"(?:please )?(?:reach out|contact|ask|email).{0,80}\b(?:with|have) (?:any |other |more |additional |further )*(?:questions|concerns)|"
    r"if you[’']re looking for\b|.{0,90}\bfollow the (?:\w+ )?instructions\.$|get in touch|next to\b|jump to\b|back to\b|"
    r"current (?:\w+ )?employees? can (?:also )?(?:see|refer|use this)|(?:now,? )?let[’']s (?:cover|look|go)|here(?:[’']s| is| are) )",
    re.IGNORECASE,
)
_OF_PAGE = re.compile(
    r"\b(?:this|the) (?:[\w-]+ )?(?:page|document|guide|post|section|article|chapter|list|table|policy)\b.{0,40}\b(?:"
    r"contains?|provides?|covers?|describes?|explains?|lists?|is (?:meant|about|intended|written)|"
    r"gives?|outlines?|goes over|serves|addresses|sets|tells)\b|"
    r"\bwe(?:[’']ll| will) (?:cover|go over|walk|explain)|"
    r"\b(?:purpose|aim|goal) of this (?:handbook|manual|booklet|page|document|guide)\b|"
    r"^(?:you will find here|here|now for|welcome|now that you|hey|hello|let[’']s|also|as you begin)\b",
    re.IGNORECASE,
)
_DEICTIC = re.compile(
    r"\b(?:see|listed|described|noted|mentioned|outlined|shown|explained|given|found|linked|as|either|defined|instructions?|guidance|steps|"
    r"the) (?:above|below)\b(?! \d)|\b(?:above|below)(?=[.,;:)!?*]|\s*$)|\bthis (?:page|section|document|guide|link|table|post)\b|"
    r"\bthese (?:instructions|directions|links|pages|guides)\b|\b(?:click|see|found|listed|linked|available|information|them|it) here\b|"
    r"\bthe following (?:pages?|tables?|sections?|links?|guides?)\b|\b(?:screenshot|image|picture|figure) (?:above|below|shows)|"
    r"\bprevious (?:page|section|step)\b",
    re.IGNORECASE,
)
_OPENS_CASE = re.compile(
    r"(?:Another|Others?|Some|A (?:second|third|further)|(?:The )?(?:[Ss]econd|[Tt]hird|[Nn]ext|[Ff]inal|[Ll]ast)|There (?:are|is)|Here)\b"
)
_SETS = re.compile(r"\b(?:must|required?|need(?:s|ed)? to|ha(?:s|ve) to|may not|cannot)\b")
_LEANS = re.compile(
    r"^(?:It|They|This|That|These|Those|Then|There|You(?:[’']ll| will) (?:need|have|see|find)|Once|After|If (?:it|this|that|they|not|so)|"
    r"The (?:page|site|guide|form|video|link|document|instructions|steps|table|list|article)s?)\b|"
    r"\b(?:page|site|guide|video|link|document|article) (?:also|is|has|will|lists|shows)\b"
)  # a sentence that is about the one before
_BROKEN = re.compile(r"\b(?:the|an?) (?:the|an|as|of|is|are|was|were|by|with|from)\b(?!-)")
_FRAGMENT = re.compile(
    r"(?:more|further|additional) (?:information|details|help) (?:about|on|for|regarding)\b(?!.*\b(?:is|are|was|can|may|will)\b)",
    re.IGNORECASE,
)  # the name of a link, no sentence
_ENDS = re.compile(r"[.!?)”\"’:]$")


@dataclass(frozen=True)
class Answer:
    """The words of a section with their raw spans; `whole` unless something of weight was left out."""

    text: str
    spans: tuple[tuple[int, int], ...]
    sentences: tuple[Sentence, ...]
    lists: tuple[ListPart, ...]
    whole: bool = True

    @property
    def size(self) -> int:
        """Its length in words."""
        return len(self.text.split())


@dataclass(frozen=True)
class _Piece:
    text: str
    spans: tuple[tuple[int, int], ...]
    sentences: tuple[Sentence, ...] = ()
    items: ListPart | None = None

    def upto(self, count: int) -> "_Piece | None":
        """The first `count` sentences."""
        return self._between(0, count)

    def after(self, count: int) -> "_Piece | None":
        """What follows the first `count` sentences."""
        return self._between(count, len(self.sentences))

    def _between(self, first: int, last: int) -> "_Piece | None":
        return _of_sentences(self.sentences[first:last])


def _of_sentences(kept: tuple[Sentence, ...], told: tuple[Sentence, ...] | None = None) -> _Piece | None:
    """A piece of the sentences `kept`, whose spans run on as long as no sentence of `told` lies between them."""
    if not kept:
        return None
    spans: list[tuple[int, int]] = []
    last = -1
    for place, one in enumerate(told or kept):
        if one not in kept:
            continue
        if spans and place == last + 1:
            spans[-1] = (spans[-1][0], one.span[1])
        else:
            spans.append(one.span)
        last = place
    return _Piece(" ".join(one.text for one in kept), tuple(spans), kept)


def answer_with_parts(section: Section) -> Answer | None:
    """What `section` and all that stands below it say, under their headings; None where that is long, or not all of it is prose."""
    if section.left_out or not section.below:
        return None
    own = answer_of(section)
    held = [(one, answer_with_parts(one) if one.below else answer_of(one)) for one in section.below]
    told = [(one, answer) for one, answer in held if answer is not None and answer.whole and not one.left_out]
    if own is None or not own.whole or len(told) < len(held):
        return None
    answers = [own, *(answer for _, answer in told)]
    parts = [((one.heading,), (one.span,)) if _heads(one, answer) else ((), ()) for one, answer in told]
    joined = Answer(
        "\n".join([own.text, *chain.from_iterable((*head, answer.text) for (head, _), (_, answer) in zip(parts, told, strict=True))]),
        (*own.spans, *chain.from_iterable((*span, *answer.spans) for (_, span), (_, answer) in zip(parts, told, strict=True))),
        tuple(chain.from_iterable(answer.sentences for answer in answers)),
        tuple(chain.from_iterable(answer.lists for answer in answers)),
    )
    return joined if joined.size <= _LONGEST else None


def _heads(section: Section, answer: Answer) -> bool:
    """Whether a part needs its heading: its first sentence does not say the same ("Eligibility": "You are eligible if ...")."""
    first = answer.sentences[0].text if answer.sentences else ""
    return not stems(section.heading) <= stems(first)


def leads_elsewhere(text: str) -> bool:
    """Whether a sentence only sends the reader to another place or to somebody who knows more."""
    return _POINTER.match(text) is not None


def broken(text: str) -> bool:
    """Whether a word is missing in a sentence: "This number is not the as the one in the portal"."""
    return _BROKEN.search(text) is not None


def of_page(text: str) -> bool:
    """Whether a sentence speaks of the page that it stands on: "The expense policy sets the limits"."""
    return _OF_PAGE.search(text) is not None


def answer_of(section: Section, *, links: bool = False) -> Answer | None:
    """What `section` says, cut where it is long, with sentences that lead to a link only if `links`; None if all leads elsewhere."""
    pieces = [piece for part in section.parts for piece in _pieces(part)]
    pieces = pieces if links else _without_links(pieces)
    pieces = _without_pointers(_without_opening(pieces))
    full = len(pieces)
    pieces = _without_pointers(_short(_standing(pieces)))
    if len(pieces) < full:
        pieces = _without_opened(pieces)
    if not pieces:
        return None
    return Answer(
        "\n".join(piece.text for piece in pieces),
        tuple(chain.from_iterable(piece.spans for piece in pieces)),
        tuple(sentence for piece in pieces for sentence in piece.sentences),
        tuple(piece.items for piece in pieces if piece.items),
        whole=len(pieces) == full,
    )


def unfinished(answer: Answer) -> bool:
    """Whether an item of its lists announces something that does not follow."""
    ends = [
        (item, depth, part.depths[place + 1 : place + 2])
        for part in answer.lists
        for place, (item, depth) in enumerate(zip(part.items, part.depths, strict=True))
    ]
    return any(item.endswith(":") and not (after and after[0] > depth) for item, depth, after in ends)


def _pieces(part: object) -> list[_Piece]:
    if isinstance(part, Paragraph):
        return [_Piece(part.text, (part.span,), part.sentences)]
    if isinstance(part, ListPart):
        return [_Piece(part.text(), (part.span,), part.sentences, part)]
    if isinstance(part, CodePart):
        return [] if "___" in part.text else [_Piece(part.text, (part.span,))]
    if isinstance(part, TablePart):
        return (
            [_Piece(_lines(part), (part.span,))]
            if len(part.rows) <= _LONGEST_TABLE and all(cell.text for cell in part.header) and holds_data(part) and filled(part)
            else [_Piece("", (part.span,))]
        )
    return [_Piece("", (part.span,))] if isinstance(part, Quote) else []


def _without_links(pieces: list[_Piece]) -> list[_Piece]:
    """Without the sentences of paragraphs that only send the reader to a link, where nothing that follows leans on them."""
    kept = []
    for piece, after in zip_longest(pieces, pieces[1:]):
        told = piece.sentences if piece.items is None else ()
        opening = after.sentences[0].text if after and after.sentences and after.items is None else ""
        nexts = [*(one.text for one in told[1:]), opening]
        rest = tuple(one for one, following in zip(told, nexts, strict=False) if not one.leads or _kept(one.text, following))
        if told and told[0] not in rest and not kept and _SETS.search(told[0].text):
            rest = (told[0], *rest)  # the rule that the section opens with
        if len(rest) == len(told):
            kept.append(piece)
        elif left := _of_sentences(rest, told):
            kept.append(left)
    return kept


def _kept(said: str, following: str) -> bool:
    """Whether a sentence that leads to a link leads in a list, names the link only by the way, or the next one is about what it says."""
    told = said.endswith(":") or "(" in said or _LEANS.search(following) is not None
    return told and not _FRAGMENT.match(said)


def _labels(part: ListPart) -> bool:
    """Whether the items of a list are but a few words each, as names of links are."""
    return sum(len(item.split()) > _FEW_WORDS or item.endswith(".") for item in part.items) * 2 <= len(part.items)


def _label(piece: _Piece) -> bool:
    """Whether a paragraph is no sentence but a few words that head or part what follows."""
    return bool(piece.sentences) and not _ENDS.search(piece.text) and len(piece.text.split()) <= _LONGEST_LABEL


def _lines(table: TablePart) -> str:
    """A table as lines: the first cell, then the others behind the names of their columns."""
    lines = []
    for row in table.rows:
        named = [
            f"{head.text}: {cell.text}"
            for head, cell in zip(table.header[1:], row[1:], strict=False)
            if cell.text and cell.text.lower() != "n/a"
        ]
        lines.append(f"- {row[0].text}: {row[1].text}" if len(row) == 2 else f"- {row[0].text}: {'; '.join(named)}")
    return "\n".join(lines)


def _without_opening(pieces: list[_Piece]) -> list[_Piece]:
    """Without first lines that are no sentence, and first sentences that speak of the page."""
    while pieces and pieces[0].items is None and pieces[0].text and _label(pieces[0]):
        pieces = pieces[1:]
    while pieces and pieces[0].sentences and pieces[0].items is None:
        first = pieces[0].sentences[0].text
        if first.endswith(":") or not (of_page(first) or leads_elsewhere(first)):
            break
        rest = pieces[0].after(1)
        pieces = [rest, *pieces[1:]] if rest else pieces[1:]
    return pieces


def _without_pointers(pieces: list[_Piece]) -> list[_Piece]:
    """Without what stands at the end only to send the reader elsewhere."""
    while pieces and _only_leads(pieces[-1]):
        pieces = pieces[:-1] if pieces[-1].items else _without_last(pieces)
    return pieces


def _only_leads(last: _Piece) -> bool:
    """Whether a list holds but pointers or names of links, or a paragraph ends with a pointer, a lead-in or a label."""
    if last.items:
        return all(map(leads_elsewhere, last.items.items)) or (last.items.lead is None and _labels(last.items))
    said = last.sentences[-1].text if last.sentences else ""
    return bool(said) and (said.endswith(":") or leads_elsewhere(said) or _label(last) or broken(said))


def _without_last(pieces: list[_Piece]) -> list[_Piece]:
    """Without the last sentence."""
    rest = pieces[-1].upto(len(pieces[-1].sentences) - 1)
    return [*pieces[:-1], rest] if rest else pieces[:-1]


def _without_opened(pieces: list[_Piece]) -> list[_Piece]:
    """Without a last sentence that opens a further case, which was cut off."""
    last = pieces[-1] if pieces else None
    if last is None or not last.sentences or last.items or not _OPENS_CASE.match(last.sentences[-1].text):
        return pieces
    return _without_last(pieces)


def _standing(pieces: list[_Piece]) -> list[_Piece]:
    """The pieces up to the first that points to another place of the page, or is no prose."""
    kept: list[_Piece] = []
    for piece, after in zip_longest(pieces, pieces[1:]):
        heads = after is not None and after.items is None and after.text and not _label(after)
        if not piece.text or (piece.items is None and _label(piece) and not heads):
            break
        if _DEICTIC.search(piece.text):
            clear = next((place for place, one in enumerate(piece.sentences) if _DEICTIC.search(one.text)), 0)
            rest = piece.upto(clear) if piece.items is None else None
            return [*kept, rest] if rest else kept
        kept.append(piece)
    return kept


def _short(pieces: list[_Piece]) -> list[_Piece]:
    """All pieces if they are short, else the first of them."""
    sizes = [len(piece.text.split()) for piece in pieces]
    while sum(sizes) > _LONGEST:
        pieces, sizes = pieces[:-1], sizes[:-1]
    return pieces
