"""The proof of merging: random batches, each asked at once through Weir, every answer held against the direct one."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from .answers import Normal, first_difference
from .asking import Asker, Reply
from .direct import Direct
from .prices import PriceSpace
from .questions import Arguments, QuestionSpace


@dataclass
class Numbers:
    """What a proof has found so far."""

    batches: int = 0
    calls: int = 0
    differences: int = 0
    order_differences: int = 0
    throttled: int = 0
    refused: int = 0
    merged: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    pages: int = 0
    followed: int = 0
    seconds: float = 0
    examples: list[str] = field(default_factory=list)

    def table(self) -> str:
        rows = {
            "batches": self.batches,
            "calls": self.calls,
            "differences": self.differences,
            "answers with members in another order": self.order_differences,
            "answers that were errors on both sides": self.refused,
            "calls that were throttled to the end": self.throttled,
            "answers cut from merged ones": self.merged,
            "requests at the provider": self.requests,
            "of those later pages": self.pages,
            "tokens followed to the next page": self.followed,
            "requests a call": f"{self.requests / max(1, self.calls):.3f}",
            "seconds": f"{self.seconds:.0f}",
        }
        rows |= {f"outcome {name}": count for name, count in sorted(self.outcomes.items())}
        width = max(map(len, rows))
        return "\n".join(f"{name:<{width}}  {value:>10}" for name, value in rows.items())

    def dump(self) -> dict[str, Any]:
        return asdict(self)


class MergingProof:
    """Asks batches of `space` through the Weir at `url`; `counts` reads the counters of the emulator behind it."""

    def __init__(
        self, space: QuestionSpace | PriceSpace, direct: Direct, url: str, counts: Callable[[], dict[str, dict[str, int]]], numbers: Numbers | None = None
    ) -> None:
        self.space = space
        self.direct = direct
        self.asker = Asker(url, direct.tool)
        self.counts = counts
        self.numbers = numbers or Numbers()
        self._base = (self.numbers.requests, self.numbers.pages, self.numbers.seconds)
        self._pool = ThreadPoolExecutor(16)

    def run(self, batches: Iterable[int], after: Callable[[int], None] = lambda number: None, before: Callable[[int], None] = lambda number: None) -> Numbers:
        """`before` and `after` are called with the number of every batch."""
        began = time.monotonic()
        for number in batches:
            questions = self.space.batch(number)
            expected = list(self._pool.map(self.direct.answer, questions))
            before(number)
            replies = list(self._pool.map(self.asker.ask, questions))
            for question, right, reply in zip(questions, expected, replies, strict=True):
                self._compare(number, question, right, reply)
                self._follow(number, question, right, reply)
            self.numbers.batches += 1
            self.numbers.seconds = self._base[2] + time.monotonic() - began
            after(number)
        self.count_requests()
        return self.numbers

    def count_requests(self) -> None:
        """Adds what the provider was asked since this proof began."""
        counts = self.counts()
        self.numbers.requests = self._base[0] + sum(counts["received"].values())
        self.numbers.pages = self._base[1] + sum(counts["later_pages"].values())

    def _follow(self, batch: int, question: Arguments, right: Normal, reply: Reply) -> None:
        """A token that came through Weir leads there to the page to which the direct one leads directly."""
        if right.token and reply.normal.token and "max_pages" not in question:
            self.numbers.followed += 1
            expected = self.direct.answer(question | {"next_token": right.token})
            self._compare(batch, question | {"next_token": reply.normal.token}, expected, self.asker.ask(question | {"next_token": reply.normal.token}))

    def _compare(self, batch: int, question: Arguments, right: Normal, reply: Reply) -> None:
        numbers = self.numbers
        numbers.calls += 1
        outcomes = Counter(numbers.outcomes)
        outcomes[reply.outcome] += 1
        numbers.outcomes = dict(outcomes)
        numbers.merged += reply.outcome == "merged" or bool(reply.provenance.get("merged"))
        numbers.refused += right.is_error and reply.normal.is_error
        if reply.normal.is_throttled and not right.is_throttled:
            numbers.throttled += 1
        elif reply.normal != right:
            same = reply.normal.value() == right.value()
            numbers.order_differences += same
            numbers.differences += not same
            if len(numbers.examples) < 40:
                kind = "order" if same else "DIFFERENT"
                said = f"batch {batch} {kind}: {json.dumps(question)} {reply.provenance}: {first_difference(right, reply.normal)}"
                numbers.examples.append(said)
