"""How fast calls may follow each other: a loop that looks at the share of refusals among the calls of a short window.

The rate is free until refusals come. When they are most of what comes, it starts low and doubles until there are too many;
when they are few, it starts just below what was accepted. From then on: too many, and it falls to what was accepted; few, and
it grows fast up to just below the last rate that was too much and slowly beyond it (as TCP CUBIC does, Ha et al. 2008).
Refusals that are as frequent at a lower rate are not about the rate: their share is remembered as one that has to be borne,
the rate goes back to where it was, and only refusals beyond that share count against it.
"""

from collections import deque
from math import log, sqrt

SLOW = 16.0  # calls per second after a storm of refusals: nearly every endpoint takes that
WINDOW = 0.25  # seconds between two looks, if they see
FEW = 8  # calls that are enough for a look at a good time
ENOUGH = 24  # calls after which a few refusals say something
STORM = 4  # refusals that are enough when most calls are refused
TOO_MANY = 0.12  # share of refusals
DOUBT = 1.5  # standard deviations of chance that are given to refusals which have to be borne
TRIAL = 0.7  # of the rate
MOST_BORNE = 0.4
MOSTLY = 0.65
RELATED = 0.06
NEAR = 0.94  # of the rate that was too much
BEYOND = 0.005  # first step beyond the last rate that was too much, doubled from look to look
FADING = 0.2  # how fast a share that has to be borne is forgotten when there are fewer refusals


class Rate:
    """The adaptive rate, in calls per second; told of every call when it starts and of what became of it."""

    def __init__(self) -> None:
        self.value = 0.0
        self.is_free = True
        self._borne = 0.0  # share of refusals that have nothing to do with the rate
        self._ceiling = 0.0  # the lowest rate that was lately too much; 0 while none is known
        self._beyond = BEYOND
        self._answers: deque[float] = deque()
        self._delay = 0.0  # seconds that a refusal takes
        self._first_cut: tuple[float, float] | None = None  # rate and share of refusals, if nothing grew since
        self._last = (0, 0)
        self._seen = 0
        self.paused_until = 0.0
        self._answered = 0.0
        self._leap_at = 0.0
        self._pool = (0, 0)  # calls of the start, and refusals among them
        self._settle = 0.0
        self._is_looking = False
        self._since, self._good, self._bad = 0.0, 0, 0
        self._starts: deque[float] = deque()

    def recent(self, now: float) -> float:
        """Answers in the last second."""
        while self._answers and self._answers[0] < now - 1.0:
            self._answers.popleft()
        return float(len(self._answers))

    def started(self, now: float) -> None:
        """Count a call that starts now."""
        if self._is_looking and now >= self._since:
            self._starts.append(now)

    def accepted(self, started: float, now: float) -> None:
        """Count an answer to a call that started then."""
        self._answers.append(now)
        self._answered = started
        if self._is_looking and started >= self._since:  # what was under way at the last look is no news
            self._good += 1
            self._look(now)

    def refused(self, started: float, now: float, seconds: float | None) -> None:
        """Count a refusal."""
        self._delay += 0.2 * (now - started - self._delay) if self._delay else now - started
        self._settle = 0.5 if seconds is None else min(seconds, 1.0)
        if not self._is_looking:
            self._is_looking = True
            self._restart(started)
        if started >= self._since:
            self._bad += 1
            self._look(now)

    def _look(self, now: float) -> None:
        """Judge the calls since the last look, as soon as they say something."""
        self._seen = seen = max(self._good + self._bad, sum(start <= now - 2 * self._delay for start in self._starts))
        share = self._bad / seen
        mixed = 1.5 if not self.is_free and not self._ceiling and self._good else 1.0
        if 2 * self._bad - seen >= STORM * mixed * (1 + 2 * self._borne):
            self._weather(share, now)
        elif self.is_free:
            self._watch(share, seen, now)
        elif self._is_trial:
            self._try(seen, now)
        elif seen >= FEW and (now - self._since >= WINDOW or (self._bad >= STORM and self._bad > self._most(seen, 2.5))):
            self._judge(share, seen, now)

    def _weather(self, share: float, now: float) -> None:
        """Most calls are refused: start low, or fall."""
        if self.is_free:
            self.is_free, self.value, self._ceiling = False, SLOW, 0.0
            self._pool, self._last = (0, 0), (0, 0)
            self._restart(now)
        elif share == 1.0 and self._answered >= self.paused_until:
            self.paused_until = now + 0.5 * self._settle
            if self._ceiling:
                self._slow_down(share, now)
            self._restart(self.paused_until)
        elif share == 1.0 and not self._ceiling:
            self.value = max(0.5, 0.5 * self.value)
            self._restart(now)
        else:
            self._slow_down(share, now)
        self._first_cut = None

    def _watch(self, share: float, seen: int, now: float) -> None:
        """Some calls are refused at a free rate."""
        if seen < ENOUGH:
            return
        if self._bad <= self._most(seen, 2.0):
            self._is_looking = False
            return
        measured = self._measured(now)
        self.is_free, self.value, self._ceiling = False, TRIAL * (1 - share) * measured, measured
        self._first_cut = (measured, share)
        self._restart(now + self._settle)

    def _most(self, seen: int, deviations: float) -> float:
        """Refusals of so many calls that may be chance."""
        expected = seen * (self._borne + TOO_MANY * (1 - self._borne))
        return expected + deviations * sqrt(expected * (1 - expected / seen))

    @property
    def _is_trial(self) -> bool:
        if self._first_cut is None:
            return False
        value, share = self._first_cut
        return self.value <= 1.01 * TRIAL * (1 - share) * value

    def _try(self, seen: int, now: float) -> None:
        """Tell whether a far lower rate is refused as often as a higher one was (Wald's sequential test)."""
        assert self._first_cut is not None
        value, before = self._first_cut
        share = min(max(before, 0.16), 0.5)
        few = RELATED + (1 - RELATED) * 0
        evidence = self._bad * log(share / few) + (seen - self._bad) * log((1 - share) / (1 - few))
        if evidence > 3.0:
            self.value, self._ceiling, self._borne, self._first_cut = value, 0.0, min((self._bad / seen + before) / 2, MOST_BORNE), None
            self._pool, self._last = (seen, self._bad), (seen, self._bad)
            self._restart(now)
        elif evidence < -2.5:
            self._borne *= 0.5
            self._first_cut = None
            self._grow(now)

    def _judge(self, share: float, seen: int, now: float) -> None:
        """Grow, slow down, or wait for more calls."""
        if share > MOSTLY or self._bad > self._most(seen, 2.0 if seen < ENOUGH else (DOUBT if self._borne else 0.0)):
            if self._ceiling or self._last[0] or share > MOSTLY or self.value < SLOW:
                if now >= self._leap_at and self._is_stuck(share):
                    self._leap_at = now + 60.0
                    self._ceiling, self._first_cut = 0.0, None
                    self._pool = self._last = (0, 0)
                    self._grow(now)
                else:
                    self._slow_down(share, now)
            else:
                self._grow(now)
        elif seen >= ENOUGH or self._bad <= self._borne * seen or not self._ceiling:
            if self._ceiling:
                self._borne += FADING * min(share - self._borne, 0.0)
            self._grow(now)

    def _is_stuck(self, share: float) -> bool:
        return self._first_cut is not None and self._ceiling > 0 and share < 0.5 and self.value < min(0.9 * self._first_cut[0], SLOW)

    def _slow_down(self, share: float, now: float) -> None:
        value = min(self.value, self._measured(now))
        if not self._ceiling:
            self._borne = min(self._pool[1] / self._pool[0], MOST_BORNE) if self._pool[1] >= 1.5 else 0.0
            self.value, self._ceiling = 0.5 * value, max(1 - share, 0.75) * value
            self._restart(now)
            return
        excess = max(share - self._borne, 0.0) / (1 - self._borne)
        self._first_cut = self._first_cut or (value, share)
        self._ceiling, self._beyond = min(value, max(0.5 * value, self.recent(now) / NEAR)), BEYOND
        self.value = max(0.5, min(0.9 * value, max(NEAR * (1 - excess) * value, (0.8 if share < 0.5 else 0.5) * value, 0.85 * self.recent(now))))
        self._restart(now + self._settle if self._is_trial else now)

    def _measured(self, now: float) -> float:
        """Calls per second since the last look."""
        if len(self._starts) < 2:
            return self.value
        return (len(self._starts) - 1) / max(self._starts[-1] - self._starts[0], 1e-3)

    def _grow(self, now: float) -> None:
        if self._first_cut is not None and self.value >= 0.9 * self._first_cut[0]:
            self._first_cut = None
        near = NEAR * self._ceiling
        if not self._ceiling:
            self._pool = (0.5 * self._pool[0] + self._last[0], 0.5 * self._pool[1] + self._last[1])
            self._last = (self._seen, self._bad)
            self._borne = min((self._pool[1] + self._bad) / max(self._pool[0] + self._last[0], 1), MOST_BORNE)
            if self._measured(now) > 0.5 * self.value:
                self.value *= 2
        elif self.value < near:
            self.value += max(0.5 * (near - self.value), 0.02 * self.value)
        else:  # beyond what was too much: the longer it goes well, the faster
            self._beyond = min(2 * self._beyond, MOST_BORNE)
            if self._measured(now) > 0.5 * self.value:
                self.value *= 1.0 + self._beyond
                self._ceiling = self.value / NEAR
        self._restart(now)

    def _restart(self, now: float) -> None:
        self._since, self._good, self._bad = now, 0, 0
        self._starts.clear()
