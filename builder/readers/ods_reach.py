"""How far the sheets of an OpenDocument spreadsheet reach, before anybody takes memory for their cells.

A few bytes of it can say that a cell is repeated over every row and column there is.
"""

import re

_TAG = re.compile(rb"<table:(?:(table) |(table-row)\b|(?:covered-)?table-cell\b)([^>]{0,2000})>")
_REPEATED = re.compile(rb"number-(?:rows|columns)-repeated=[\"']([0-9]{1,9})[\"']")
_VALUE = re.compile(rb"office:(?:value|value-type|string-value|boolean-value|date-value)=")

Place = tuple[int, int]


def ods_reach(content: bytes) -> Place:
    """Return the rows and columns up to the last value of the largest sheet in `content`, its content.xml."""
    largest = rows = columns = last_row = last_column = 0
    found: Place = (0, 0)
    for match in _TAG.finditer(content):
        table, row, tag = match.groups()
        repeated = _REPEATED.search(tag)
        times = int(repeated[1]) if repeated else 1
        if table:
            rows = columns = last_row = last_column = 0
        elif row:
            rows, columns = rows + times, 0
        else:
            columns += times
            if _VALUE.search(tag):
                last_row, last_column = rows, max(last_column, columns)
        if last_row * last_column > largest:
            largest, found = last_row * last_column, (last_row, last_column)
    return found
