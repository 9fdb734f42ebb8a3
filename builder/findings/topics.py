"""The words that say what a sentence is about: without their endings, one for all that mean the same, none that any rule may have."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise

WORD = re.compile(r"[^\W\d_][\w'’-]*|\d[\w.]*")
_MOST_WORDS = 100_000  # that are remembered; a data table may have a new one in every cell
_TOKEN = re.compile(rf"{WORD.pattern}|[^\s\w]")
# said in rules about anything, so that sharing it tells nothing and lacking it sets nothing apart
FRAME = frozenset(
    re.findall(
        r"\S+",
        """
        a about above accepted according after again ahead all allow allowed allows also although always am amount an and any anybody
        anyone anything applies apply are around as ask asks at automatically available back be because been before begin begins being
        below between both but by calendar can cannot case cases chance choice choose chooses colleague colleagues come comes coming
        company consecutive could currently day days did do does doing down during each earlier either eligible employee employees end
        enter enters entire entitled entitlement equal every everybody everyone everything exactly expected find finds for forbidden from
        generally get gets getting give given gives go goes going grant granted grants had has have having he her here him his hour hours
        how however i if in into is it item items its itself join joined joins just keep keeps kept last lasting lasts later latest least
        length less let lets like limit limited limits long longer made make makes making mandatory many maximal maximum may me minimum
        minute minutes month months more most much must my need needed needs never no nobody nor normally not note now number of off offer
        offered offers on once one only onwards optional or otherwise our out over own paid pay people per period permitted person please
        possible prior prohibited provide provided provides put puts reach reaches receive received receives require required requires run
        runs same see shall she should side sides simply since so some somebody someone spend spends spent staff start started starting
        starts such take taken takes taking than that the their them themselves then there therefore these they this those through time
        times to today too turn turns under until up upon us use used uses using usually valid very via wait want wants was way we week
        weeks well were what when where whether which while who whoever whole will wish with within without work worker workers working
        worth would year years yes yet you your yours yourself
        """,
    )
)
# the same rule may be said with another of these; never with a wider word: a lunch is not every meal
_SAME = """
    allowance budget | answer respond response responses reply replies | applicant candidate | approve approval authorise authorize |
    archive archived | attempt attempts try tries | bike bicycle bicycles | bonus reward | book reserve reservation |
    borrow borrowed loan loans lend lent | break broken | bring brought | buy bought purchase purchases purchasing buying |
    cancel cancellation terminate | car vehicle vehicles | certificate certification | child children kid kids | choose chosen |
    complete completed finish finished | consent sign-off | cost charge charged price priced fee fees | customer client clients |
    device appliance | doctor medical physician | email mail | error fault | failure failed fail wrong incorrect | freeze frozen |
    hotel accommodation lodging overnight | inspect inspection inspections examine examination check checked | invoice bill bills |
    laptop notebook | leave vacation vacations holiday holidays | locked lock blocked | login logon signin | manager supervisor boss |
    money funds | office workplace | parental parents | password passwords passphrase passcode | phone telephone mobile |
    probation probationary | quote quotes quotation quotations bid bids | register registration registered |
    reimburse reimbursed reimbursement repay repaid refund refunds | repair fix | replace replaced exchange |
    report reporting notify notification | resell resale | resign resignation quit |
    retain retention store stored storage delete deletion deleted erase remove removed | retake retaken | safe secure security |
    salary wage wages | sell sold | send sent | ship shipping shipment shipments parcel parcels | sick ill illness sickness |
    sign signed signature signatures | smoke smoking | submit submission | training learning | trip journey travel |
    update updates patch patches | upload uploading uploaded | visitor guest guests | warranty guarantee guaranteed | write written
"""
_TOGETHER = (  # words that mean one thing only together
    (r"(?:hand(?:ed|s)? (?:it |them )?in|turn(?:ed|s)? in|file(?:d|s)?(?= (?:an?|the|your|their|his|her)\b))", " submit "),
    (r"(?:pa(?:y|ys|id) (?:you |it )?back)\b", " reimburse "),
    (r"sen(?:d|ds|t) (?:it |them |anything |goods |items )?back\b", " return "),
    (r"(?:work(?:ing|s)? (?:from home|remotely)|home office|remote work|telework(?:ing)?)\b", " remotely "),
    (r"(?:days? off|time off)\b", " leave "),
    (r"(?:log(?:s|ged|ging)?|sign(?:s|ed|ing)?)[ -](?:in|on)\b(?! at)", " login "),
    (r"priority[ -](\d)\b", r" p\1 "),
    (r"non[- ](?=\w)", "non"),
    (r"overseas\b", " abroad "),
    (r"business (?=days?\b|hours?\b)", " "),
    (r"free of charge\b", " free "),
)
_PHRASES = tuple((re.compile(rf"\b{pattern}", re.IGNORECASE), word) for pattern, word in _TOGETHER)
_ANY_PHRASE = re.compile(rf"\b(?:{'|'.join(pattern for pattern, _ in _TOGETHER)})", re.IGNORECASE)
_ENDINGS = tuple(re.findall(r"\w+", "ments ment ations ation ated ates ate ions ion als al ings ing ied ies ed es er ers ly s e y"))


def topics(text: str) -> list[str]:
    """Return the telling words of a text in order."""
    return [word for word, _ in told(text)]


def told(text: str) -> list[tuple[str, int]]:
    """Return the telling words of a text, each with its place among all words and signs."""
    if _ANY_PHRASE.search(text):
        for phrase, word in _PHRASES:
            text = phrase.sub(word, text)
    words: list[tuple[str, int]] = []
    place = 0
    for token in _TOKEN.findall(text):
        for word in _parts(token):
            place += 1
            if word:
                words.append((word, place))
    return words


def side_by_side(words: Sequence[tuple[str, int]]) -> frozenset[tuple[str, str]]:
    """Return the telling words of a text that stand next to each other with nothing between: (sick, leave)."""
    return frozenset((word, following) for (word, place), (following, other) in pairwise(words) if other - place == 1)


@lru_cache(_MOST_WORDS)
def _parts(token: str) -> tuple[str, ...]:
    """What the words joined by hyphens mean, nothing for one that tells nothing."""
    parts = token.lower().strip("'’-._").removesuffix("'s").removesuffix("’s").split("-")
    telling = (part not in FRAME and (len(part) > 1 or part.isdigit()) and part[0].isalnum() for part in parts)
    return tuple(meaning(part) if tells else "" for part, tells in zip(parts, telling, strict=True))


def meaning(word: str) -> str:
    """Return the word that stands for all that mean the same in rules: leave for a vacation."""
    short = stem(word)
    return _synonyms().get(short, short)


@cache
def _synonyms() -> dict[str, str]:
    groups = [line.split() for line in _SAME.split("|")]
    return {stem(word): stem(group[0]) for group in groups for word in group}


@lru_cache(_MOST_WORDS)
def stem(word: str) -> str:
    """Return the word without its endings, so that forms of one word are the same: answered, answers."""
    once = _shorter(word)
    return once if once == word else stem(once)


def _shorter(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= (3 if ending == "s" and word[-2:-1] not in ("s", "u") else 4):
            word = word[: -len(ending)]
            return word[:-1] if word[-1] == word[-2] and word[-1] not in "ls" else word  # submitted, submit
    return word
