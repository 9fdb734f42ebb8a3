"""Questions that point to a text which their reader does not see: "according to the passage", "the table above"."""

import re

_TEXT = r"(?:passage|text|excerpt|extract|snippet|paragraph|article|document|section|context)"
_PLACE = rf"(?:{_TEXT}|page|table|list|information|content|material|source)"
_ALONE = r"\b(?![ -](?:of|for|on|about|area|box|control|editor|field|file|library|management|message|number|store|template|title|type)\b)"
_UNSEEN = re.compile(
    rf"""\b(?:
        (?:according|referring)\ to\ (?:the|this|that)\ (?:\w+\ )?{_PLACE}{_ALONE}
      | (?:in|on|from|of|by|with|within|using)\ (?:this|the\ (?:above|following|given|provided|preceding))\ {_PLACE}{_ALONE}
      | (?:in|from|by)\ the\ (?:passage|excerpt|snippet|paragraph|article|text){_ALONE}
      | (?:the|this)\ (?:passage|excerpt|snippet|text)\ (?:says?|states?|mentions?|describes?|provides?|gives?|explains?)\b
      | does\ the\ (?:passage|excerpt|snippet|text|context){_ALONE}
      | (?:{_PLACE}|details?|steps?|rules?|example)\ (?:(?:given|provided)\ )?(?:above|below)(?=\s*(?:[?.,;:!]|$))
      | (?:mentioned|described|stated|listed|shown|discussed)\ (?:above|below|earlier|in\ (?:this|the)\ {_TEXT}{_ALONE})
      | the\ above(?!-)\b
      | the\ (?:given|provided)\ {_PLACE}{_ALONE}
      | (?:this|the\ following)\ (?:passage|excerpt|snippet|paragraph|article|document|text){_ALONE}
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_INLINE = re.compile(r"""\n\s*\S+(?:\s+\S+){2}|["“][^"”]*\s[^"”]*\s[^"”]*["”]|(?:\S+\s+){25}""")  # the question brings the text along


def refers_to_text(question: str) -> str | None:
    """Return the words of `question` that point to a text its reader does not see, or None."""
    for match in _UNSEEN.finditer(question):
        if not _INLINE.search(question, match.end()):
            return match.group()
    return None
