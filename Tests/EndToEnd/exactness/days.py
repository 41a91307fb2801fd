"""The proof of bucket reuse: overlapping ranges while days pass, every answer held against what the provider says on that day."""

import json
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from pathlib import Path
from typing import Any

from .answers import Normal, first_difference
from .asking import Asker, Reply
from .direct import Direct
from .ranges import RangeSpace
from .staging import EmulatorProcess

# Weir reads its wall clock from the file that this variable of its environment names.
CLOCK_VARIABLE = "WEIR_TEST_CLOCK"

# The times of the visits of a day. The last of one day and the first of the next are more than 12 hours apart, so that nothing that still
# changes is fresh across midnight, which is when the emulator's numbers change: 8 h for the running month, 12 h for a month that is closing.
VISITS = [clock_time(6, 10), clock_time(11, 10), clock_time(17, 10)]
# No answer that may still change is given longer than that: 12 h fresh and 24 h stale.
LONGEST = timedelta(hours=36)


class Clock:
    """The time that Weir and the emulators take for now. `advance` is the one place that tells them."""

    def __init__(self, file: Path, emulators: list[EmulatorProcess], settle: float = 0.05) -> None:
        self.file = file
        self.emulators = emulators
        self.settle = settle
        self.now = datetime.min.replace(tzinfo=UTC)

    def advance(self, now: datetime) -> None:
        """Milliseconds since the epoch, in one line; the file is replaced and never half written. The emulators know days only."""
        self.now = now
        for emulator in self.emulators:
            emulator.set(today=now.date().isoformat())
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{int(now.timestamp() * 1000)}\n")
        os.replace(fresh, self.file)
        time.sleep(self.settle)


@dataclass
class DayNumbers:
    """What the proof has found so far."""

    days: int = 0
    calls: int = 0
    differences: int = 0
    order_differences: int = 0
    refused: int = 0
    stale: int = 0
    older: int = 0
    derived: int = 0
    rounded: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    buckets_asked: int = 0
    buckets_answered: int = 0
    seconds: float = 0
    examples: list[str] = field(default_factory=list)

    def table(self) -> str:
        rows = {
            "days": self.days,
            "calls": self.calls,
            "differences": self.differences,
            "answers with members in another order": self.order_differences,
            "calls that Weir refused": self.refused,
            "answers marked as stale": self.stale,
            "of those with buckets of an earlier day": self.older,
            "answers with sums": self.derived,
            "of those off by what was rounded": self.rounded,
            "requests at the provider": self.requests,
            "requests a call": f"{self.requests / max(1, self.calls):.3f}",
            "buckets in answers": self.buckets_answered,
            "buckets asked of the provider": self.buckets_asked,
            "seconds": f"{self.seconds:.0f}",
        }
        rows |= {f"outcome {name}": count for name, count in sorted(self.outcomes.items())}
        width = max(map(len, rows))
        return "\n".join(f"{name:<{width}}  {value:>10}" for name, value in rows.items())

    def dump(self) -> dict[str, Any]:
        return asdict(self)


class DaysProof:
    """`plain` is the emulator of `direct`, `behind` the one of Weir. Answers that say that amounts in them were added up may be off by `rounding` for
    each; all others are the provider's own, byte for byte."""

    def __init__(
        self, space: RangeSpace, direct: Direct, plain: EmulatorProcess, url: str, behind: EmulatorProcess, clock: Clock, rounding: Decimal = Decimal(0)
    ) -> None:
        self.rounding = rounding
        self.space = space
        self.direct = direct
        self.plain = plain
        self.behind = behind
        self.clock = clock
        self.asker = Asker(url)
        self.numbers = DayNumbers()
        self._pool = ThreadPoolExecutor(12)

    def reads_the_clock(self) -> bool:
        """Whether this Weir goes by the file: an answer about a week ago is fresh for hours of the time that the file says."""
        day = self.clock.now.date() - timedelta(days=7)
        asked = {"operation": "getCostAndUsage", "start_date": day.isoformat(), "end_date": (day + timedelta(days=1)).isoformat()}
        reply = self.asker.ask(asked)
        assert not reply.normal.is_error, f"the first question of all failed: {reply.normal.text}"
        until = reply.provenance.get("freshUntil")
        return until is not None and abs(datetime.fromisoformat(until) - self.clock.now) < timedelta(days=60)

    def run(self, first: date, days: int, waves: int, progress: Any = None) -> DayNumbers:
        began = time.monotonic()
        for day in (first + timedelta(days=n) for n in range(days)):
            for number, visit in enumerate(VISITS):
                self._wait_until_quiet()
                self.clock.advance(datetime.combine(day, visit, UTC))
                for wave in range(waves):
                    self._wave(day, number * waves + wave)
            self.numbers.days += 1
            self.numbers.seconds = time.monotonic() - began
            self._count()
            if progress:
                progress(self.numbers)
        return self.numbers

    def _wait_until_quiet(self, pause: float = 0.15) -> None:
        """Until Weir asks for nothing any more: renewals go on behind its callers, and a call during which the day changes is of neither."""
        seen, deadline = -1, time.monotonic() + 60
        while (count := sum(self.behind.counts()["received"].values())) != seen and time.monotonic() < deadline:
            seen = count
            time.sleep(pause)

    def _count(self) -> None:
        self.numbers.requests = sum(self.behind.counts()["received"].values())
        self.numbers.buckets_asked = self.behind.counts().get("buckets", {}).get("GetCostAndUsage", 0)

    def _wave(self, day: date, number: int) -> None:
        questions = self.space.wave(day, number)
        replies = list(self._pool.map(self.asker.ask, questions))
        rights = list(self._pool.map(lambda question: self.direct.answer(question, day.isoformat()), questions))
        for question, right, reply in zip(questions, rights, replies, strict=True):
            self._compare(day, question, right, reply)

    def _compare(self, day: date, question: dict[str, Any], right: Normal, reply: Reply) -> None:
        numbers = self.numbers
        numbers.calls += 1
        numbers.buckets_answered += right.text.count('"TimePeriod"')
        outcomes = Counter(numbers.outcomes)
        outcomes[reply.outcome] += 1
        numbers.outcomes = dict(outcomes)
        stale = reply.outcome == "stale" or bool(reply.provenance.get("stale"))
        numbers.stale += stale
        numbers.derived += reply.derived
        if reply.normal == right:
            return
        if reply.normal.is_error and not right.is_error:
            numbers.refused += 1
            if len(numbers.examples) < 40:
                numbers.examples.append(f"{self.clock.now} {json.dumps(question)} refused: {reply.normal.text}")
            return
        if reply.derived and all(
            is_near(json.loads(getattr(reply.normal, name)), json.loads(getattr(right, name)), self.rounding) for name in ("text", "structured")
        ):
            numbers.rounded += 1
        elif reply.normal.value() == right.value():
            numbers.order_differences += 1
        elif stale and self._is_of_earlier_days(day, question, reply):
            numbers.older += 1
        else:
            numbers.differences += 1
            if len(numbers.examples) < 40:
                numbers.examples.append(f"{self.clock.now} {json.dumps(question)} {reply.provenance}: {first_difference(right, reply.normal)}")

    def _is_of_earlier_days(self, day: date, question: dict[str, Any], reply: Reply) -> bool:
        """Whether every bucket is what the provider said on a day that is no longer ago than a stale answer may be, and than this one says."""
        # The age is that of the oldest bucket, which may be one that is final; no other is given for longer.
        age = min(timedelta(seconds=reply.provenance.get("ageSeconds", 0)), LONGEST)
        earliest = (self.clock.now - age - timedelta(seconds=1)).date()
        known = [self._on(earliest + timedelta(days=n), question) for n in range((day - earliest).days + 1)]
        return all(self._fits(getattr(reply.normal, name), [getattr(normal, name) for normal in known], reply.derived) for name in ("text", "structured"))

    def _fits(self, got: str, known: list[str], derived: bool) -> bool:
        """Every bucket is one of those of the same place on some day, or a sum near it, every attribute too; everything else is as today."""
        answer, candidates = json.loads(got)["data"], [json.loads(text)["data"] for text in known]
        buckets, attributes = answer.pop("ResultsByTime"), answer.pop("DimensionValueAttributes", [])
        places = list(zip(*(data.pop("ResultsByTime") for data in candidates), strict=True))
        described = [entry for data in candidates for entry in data.pop("DimensionValueAttributes", [])]
        return (
            answer == candidates[-1]
            and all(entry in described for entry in attributes)
            and len(buckets) == len(places)
            and all(
                any(json.dumps(bucket) == json.dumps(one) or (derived and is_near(bucket, one, self.rounding)) for one in place)
                for bucket, place in zip(buckets, places, strict=True)
            )
        )

    def _on(self, day: date, question: dict[str, Any]) -> Normal:
        """The direct answer on an earlier day."""
        self.plain.set(today=day.isoformat())
        try:
            return self.direct.answer(question, day.isoformat())
        finally:
            self.plain.set(today=self.clock.now.date().isoformat())


def rounding(digits: int) -> Decimal:
    """How far a sum of up to a thousand costs, each with so many digits, may be from the one that is rounded itself."""
    return Decimal(0) if digits == 10 else 501 * Decimal(10) ** -digits


def is_near(got: Any, right: Any, off: Decimal) -> bool:
    """The same but for amounts, and those no further apart than `off`."""
    if isinstance(got, dict) and isinstance(right, dict):
        return got.keys() == right.keys() and all(
            abs(Decimal(got[name]) - Decimal(right[name])) <= off if name == "Amount" else is_near(got[name], right[name], off) for name in got
        )
    if isinstance(got, list) and isinstance(right, list):
        return len(got) == len(right) and all(is_near(one, other, off) for one, other in zip(got, right, strict=True))
    return bool(got == right)
