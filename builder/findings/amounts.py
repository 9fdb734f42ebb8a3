"""Whether the values of two sentences are the same: months against days as people mean them, a sentence that says more."""

from builder.findings.values import Value

_DAYS = {"second": 1 / 86_400, "day": 1.0, "month": 30.44}
_MOST_TIMES = 20  # that one value is the other
_ROUGHLY = 0.1  # 4 weeks are a month


def comparable(left: str, right: str) -> bool:
    """Tell whether two measures are of the same; 25 days may be meant for the year that others name, three times be three attempts."""
    if left == right:
        return True
    short, long = sorted((left, right), key=len)
    return short == "span" == long.partition("/")[0] or (
        "count times" in (left, right) and left.partition(" ")[0] == right.partition(" ")[0]
    )


def agree(left: frozenset[Value], right: frozenset[Value]) -> bool:
    """Tell whether each value of the one is among those of the other."""
    return left == right or (
        all(any(_same(mine, theirs) for theirs in right) for mine in left)
        and all(any(_same(mine, theirs) for theirs in left) for mine in right)
    )


def _same(left: Value, right: Value) -> bool:
    """Whether two values are the same; months are compared with days as people mean them."""
    if left[0] == right[0]:
        return left[1] == right[1]
    units = left[0].partition("/")[0], right[0].partition("/")[0]
    days = [_DAYS.get(unit.rpartition(" ")[2]) for unit in units]
    if units[0] == units[1] or None in days:
        return left[1] == right[1]
    mine, theirs = (value[1] * (day or 0.0) for value, day in zip((left, right), days, strict=True))
    return abs(mine - theirs) <= (_ROUGHLY * max(mine, theirs) if "month" in units[0] + units[1] else 0.001)


def differs(left: frozenset[Value], right: frozenset[Value]) -> bool:
    """Tell whether one value of as many is another; a sentence that says more is no contradiction."""
    mine, theirs = _distinct(left), _distinct(right)
    own = [value for value in mine if not any(_same(value, other) for other in theirs)]
    others = [value for value in theirs if not any(_same(value, other) for other in mine)]
    return len(mine) == len(theirs) and len(own) == len(others) == 1 and _near_enough(own[0], others[0])


def _near_enough(left: Value, right: Value) -> bool:
    """Whether two values may be meant for the same; minutes are not set against weeks."""
    if left[0] in ("date", "time"):
        return True
    low, high = sorted(value[1] * _DAYS.get(value[0].partition("/")[0].rpartition(" ")[2], 1.0) for value in (left, right))
    return high <= _MOST_TIMES * low


def _distinct(values: frozenset[Value]) -> list[Value]:
    """The values without those said again in another unit: one day or 24 hours."""
    distinct: list[Value] = []
    for value in sorted(values):
        if not any(_same(value, other) for other in distinct):
            distinct.append(value)
    return distinct
