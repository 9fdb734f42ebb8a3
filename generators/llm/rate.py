"""How fast calls may follow each other: a loop that looks at the share of refusals among the calls of a short window.

The rate is free until refusals come. When they are most of what comes, it starts low and doubles until they become clearly
more; when they are few, a lower rate is tried. From then on: too many, and it falls towards what was accepted; few, and it
grows fast up to just below the last rate that was too much and slowly beyond it (as TCP CUBIC does, Ha et al. 2008).
Refusals that are as frequent at a far lower rate, or no more frequent at a higher one, are not about the rate: their share is
remembered as one that has to be borne, the rate goes up again, and only refusals beyond that share count against it. A share
that is as large as may be borne is doubted: every rate so far may have been too high, so a far lower one is tried first.
"""

from collections import deque
from math import log, sqrt

SLOW = 16.0  # calls per second after a storm of refusals: nearly every endpoint takes that
SLOWEST = 0.5
WINDOW = 0.25  # seconds between two looks at a good time
FEW = 8  # calls that are enough for a look at a good time
ENOUGH = 24  # calls after which a few refusals say something
STORM = 4  # refusals more than answers
TOO_MANY = 0.12  # share of refusals
MOSTLY = 0.65  # share of refusals that is about the rate whatever came before
MOST_BORNE = 0.4  # share of refusals
DOUBT = 1.5  # standard deviations of chance that are given to refusals which have to be borne
TRIAL = 0.7  # of what was accepted: a rate that tells whether refusals are about the rate
BY_CHANCE = (0.06, 0.16)  # a trial tells this share of refusals from at least that one
SURE, CLEARED = 3.0, -2.5  # logarithms of the odds at which a trial ends
STUCK = 0.65  # of the rate before the first of several cuts
LEAP = 60.0  # seconds between two leaps out of a low rate
NEAR = 0.94  # of the rate that was too much
BEYOND, FASTEST = 0.005, 0.4  # first and largest step beyond the last rate that was too much, doubled from look to look
FADING = 0.2  # how fast a share that has to be borne is forgotten when there are fewer refusals


class Rate:
    """The adaptive rate, in calls per second; told of every call when it starts and of what became of it."""

    def __init__(self) -> None:
        self.value = 0.0
        self.is_free = True
        self.paused_until = 0.0
        self._borne = 0.0  # share of refusals that have nothing to do with the rate
        self._is_sure = False  # whether a trial has shown so
        self._ceiling = 0.0  # the lowest rate that was lately too much; 0 while none is known
        self._beyond = BEYOND
        self._first_cut: tuple[float, float] | None = None  # rate and share of refusals before it fell, until it is back there
        self._leap_at, self._leapt = 0.0, 0  # calls that a leap must outlast to say that refusals have to be borne
        self._answers: deque[float] = deque()
        self._answered = 0.0  # start of the last call that was answered
        self._delay = 0.0  # seconds that a refusal takes
        self._settle = 0.0  # seconds after which a lower rate shows
        self._pool, self._last = (0.0, 0.0), (0, 0)  # calls, and refusals among them, at lower rates and at the last one of a start
        self._is_looking = False
        self._since, self._seen, self._good, self._bad = 0.0, 0, 0, 0
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
        # A call under way for longer than refusals take is as good as answered: answers can take far longer.
        self._seen = seen = max(self._good + self._bad, sum(start <= now - 2 * self._delay for start in self._starts))
        share = self._bad / seen
        is_mixed_start = not self.is_free and not self._ceiling and self._good
        if 2 * self._bad - seen >= STORM * (1.5 if is_mixed_start else 1.0) * (1 + 2 * self._borne):
            self._weather(share, now)
        elif self.is_free:
            self._watch(share, now)
        elif self._is_trial:
            self._try(now)
        elif seen >= FEW and (now - self._since >= WINDOW or (self._bad >= STORM and self._bad > self._most(2.5))):
            self._judge(share, now)

    def _weather(self, share: float, now: float) -> None:
        """Most calls are refused: start low, pause, or fall."""
        if self.is_free:
            self.is_free, self.value = False, SLOW
            self._start_anew(now)
        elif not self._ceiling and (share < 1.0 or self._last[0]):  # some got through, if only at a lower rate
            self._end_start(share, now)
            return
        elif share < 1.0:
            self._slow_down(share, now)
        elif self._answered >= self.paused_until:  # a window is used up: waiting costs nothing, once
            self.paused_until = now + 0.5 * self._settle
            if self._ceiling:
                self._slow_down(share, now)
            self._restart(self.paused_until)
        elif self._ceiling:
            self._slow_down(share, now)
        else:
            self.value = max(SLOWEST, 0.5 * self.value)
            self._restart(now)
        self._first_cut = None

    def _watch(self, share: float, now: float) -> None:
        """Some calls are refused at a free rate: if that can hardly be chance, try a lower one."""
        if self._seen < ENOUGH:
            return
        if self._bad <= self._most(2.0):
            self._is_looking = False
            return
        self._ceiling = measured = self._measured()
        self.is_free, self.value, self._first_cut = False, TRIAL * (1 - share) * measured, (measured, share)
        self._restart(now + self._settle)

    @property
    def _is_trial(self) -> bool:
        """Whether the rate is so low that refusals for the rate would have ended."""
        if self._first_cut is None:
            return False
        value, share = self._first_cut
        return self.value <= 1.01 * TRIAL * (1 - share) * value

    def _try(self, now: float) -> None:
        """Tell whether a far lower rate is refused as often as a higher one was (Wald's sequential test)."""
        assert self._first_cut is not None
        value, before = self._first_cut
        low, high = BY_CHANCE[0], min(max(before, BY_CHANCE[1]), 0.5)
        evidence = self._bad * log(high / low) + (self._seen - self._bad) * log((1 - high) / (1 - low))
        if evidence > SURE:
            self._is_sure = True
            self.value, self._borne = value, min((self._bad / self._seen + before) / 2, MOST_BORNE)
            calls = (self._seen, self._bad)
            self._start_anew(now)
            self._pool = self._last = calls
        elif evidence < CLEARED:
            self._borne *= 0.5 if self._is_sure else 0.0
            self._first_cut, self._is_sure = None, False
            self._grow(now)

    def _judge(self, share: float, now: float) -> None:
        """Grow, slow down, or wait for more calls."""
        chance = 2.0 if self._seen < ENOUGH else DOUBT if self._borne else 0.0
        if share > MOSTLY or self._bad > self._most(chance):
            self._answer_refusals(share, now)
        elif not self._ceiling:
            self._grow(now)
        elif self._seen >= ENOUGH or self._bad <= self._borne * self._seen:
            self._borne += FADING * min(share - self._borne, 0.0)
            self._grow(now)

    def _answer_refusals(self, share: float, now: float) -> None:
        """Slow down, unless a higher rate tells more: at the very start, and when it fell again and again to no avail."""
        if not self._ceiling and not self._last[0] and share <= MOSTLY and self.value >= SLOW:
            self._grow(now)
        elif now >= self._leap_at and self._is_stuck(share):
            self._leap_at = now + LEAP
            self._ceiling, self._first_cut = 0.0, None
            self._pool, self._last = (0.0, 0.0), (0, 0)
            self._bad, self._seen, self._leapt = round(FEW * share), FEW, 2 * FEW
            self._grow(now)
        else:
            self._slow_down(share, now)

    def _is_stuck(self, share: float) -> bool:
        return self._first_cut is not None and self._ceiling > 0 and share < 0.5 and self.value < min(STUCK * self._first_cut[0], SLOW)

    def _most(self, deviations: float) -> float:
        """Refusals of the calls seen that may be chance."""
        expected = self._seen * (self._borne + TOO_MANY * (1 - self._borne))
        return expected + deviations * sqrt(expected * (1 - expected / self._seen))

    def _slow_down(self, share: float, now: float) -> None:
        if not self._ceiling:
            self._end_start(share, now)
            return
        value = min(self.value, self._measured())
        self._first_cut = self._first_cut or (value, share)
        self._ceiling, self._beyond = min(value, max(0.5 * value, self.recent(now) / NEAR)), BEYOND
        accepted = NEAR * value * (1 - max(share - self._borne, 0.0) / (1 - self._borne))
        least = max((0.8 if share < 0.5 else 0.5) * value, 0.85 * self.recent(now))
        self.value = max(SLOWEST, min(0.9 * value, max(accepted, least)))
        self._restart(now + self._settle if self._is_trial else now)

    def _end_start(self, share: float, now: float) -> None:
        """Bear what was refused at lower rates; when that is most of what may be borne, a trial tells whether all of them were too high."""
        value = min(self.value, self._measured())
        self._borne = min(self._pool[1] / self._pool[0], MOST_BORNE) if self._pool[0] > self._leapt and self._pool[1] >= 1.5 else 0.0
        self._leapt = 0
        self.value, self._ceiling = max(SLOWEST, 0.5 * value), max(1 - share, 0.75) * value
        if self._borne == MOST_BORNE and not self._is_sure:
            accepted = max(1 - share, 0.1) * value
            self.value, self._first_cut = max(SLOWEST, TRIAL * accepted), (accepted / (1 - self._borne), self._borne)
            now += self._settle
        self._restart(now)

    def _measured(self) -> float:
        """Calls per second since the last look."""
        if len(self._starts) < 2:
            return self.value
        return (len(self._starts) - 1) / max(self._starts[-1] - self._starts[0], 1e-3)

    def _grow(self, now: float) -> None:
        if self._first_cut is not None and self.value >= 0.9 * self._first_cut[0]:
            self._first_cut = None
        near = NEAR * self._ceiling
        is_used = self._measured() > 0.5 * self.value
        if not self._ceiling:
            self._pool_calls()
            self.value *= 2 if is_used else 1
        elif self.value < near:
            self.value += max(0.5 * (near - self.value), 0.02 * self.value)
        else:  # beyond what was too much: the longer it goes well, the faster
            self._beyond = min(2 * self._beyond, FASTEST)
            self._first_cut = None if self._beyond > 4 * BEYOND else self._first_cut
            if is_used:
                self.value *= 1.0 + self._beyond
                self._ceiling = self.value / NEAR
        self._restart(now)

    def _pool_calls(self) -> None:
        """Remember what was refused so far in a start; the last rate counts only when the next one is no worse."""
        self._pool = (0.5 * self._pool[0] + self._last[0], 0.5 * self._pool[1] + self._last[1])
        self._last = (self._seen, self._bad)
        self._borne = min((self._pool[1] + self._bad) / (self._pool[0] + self._seen), MOST_BORNE)

    def _start_anew(self, now: float) -> None:
        """Double from here on until there are clearly more refusals."""
        self._ceiling, self._first_cut = 0.0, None
        self._pool, self._last = (0.0, 0.0), (0, 0)
        self._restart(now)

    def _restart(self, now: float) -> None:
        self._since, self._good, self._bad = now, 0, 0
        self._starts.clear()
