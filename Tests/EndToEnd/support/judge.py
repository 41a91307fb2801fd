"""Holds every answer against its call: no answer may be another call's, another site's, another tenant's, or older than it may be."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from .load import Asked, sign

# How long answers may be given, in seconds; with the jitter of lifetimes, and the time that fetching and answering take on a busy machine.
LIFETIMES = {"look": 3600.0, "glance": 1.0, "peek": 3600.0}
LENIENCE = 0.5


@dataclass
class Verdict:
    """`wrong` must always be empty. `failed` are calls without an answer."""

    calls: int
    wrong: list[str]
    failed: list[str]
    outcomes: Counter[str]

    def __str__(self) -> str:
        told = ", ".join(f"{name} {count}" for name, count in self.outcomes.most_common())
        return f"{self.calls} calls: {told}; {len(self.wrong)} wrong, {len(self.failed)} failed"


def judge(asked: list[Asked], log: list[dict[str, Any]], late: float = 0.0) -> Verdict:
    """`log` is the witness's own. `late` is how many seconds an answer may have lain in front of a replica that stood still."""
    given = {record["nonce"]: record for record in log}
    wrong: list[str] = []
    for call in asked:
        if call.told is not None:
            wrong += [f"{problem}: {call}" for problem in _problems(call, given, late)]
    failed = [f"{call.failure}: {call}" for call in asked if call.failure is not None]
    return Verdict(len(asked), wrong, failed, Counter(call.outcome or "none" for call in asked))


def _problems(call: Asked, given: dict[str, dict[str, Any]], late: float) -> list[str]:
    told, found = call.told, []
    if told["sign"] != sign(call.tenant):
        found.append("another tenant")
    if told["site"] != call.site:
        found.append("another site")
    if told["tool"] != call.tool:
        found.append("another tool")
    if told["arguments"] != call.arguments:
        found.append("other arguments")
    record = given.get(told["nonce"])
    if record is None or any(record[name] != told[name] for name in ("sign", "site", "tool", "arguments", "at")):
        found.append("an answer that the upstream never gave")
    age, lifetime = call.since - told["at"], LIFETIMES.get(call.tool, 0.0)
    if age > lifetime * 1.05 + LENIENCE + late:
        found.append(f"{age:.3f} s old")
    return found
