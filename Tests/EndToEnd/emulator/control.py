"""What a test can set on the emulator, and what it can read back."""

import random
import threading
import time
from collections import Counter
from datetime import date
from typing import Any

from .errors import ServiceError


class Controls:
    """Latency, throttling, a gate, and the log of requests. Safe to use from every thread of the server."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.reset()

    def reset(self) -> None:
        with self.changed:
            self.latency = 0.0
            self.throttle_next = 0
            self.throttle_probability = 0.0
            self.rate: float | None = None
            self.tokens, self.filled = 0.0, 0.0
            self.corrections: list[dict[str, Any]] = []
            self.held = False
            self.page_size: int | None = None
            self.digits: int | None = None
            self.today: date | None = None
            self.log: list[dict[str, Any]] = []
            self._chance = random.Random(1)
            self.changed.notify_all()

    def forget(self) -> None:
        """Empties the log and leaves the controls."""
        with self.changed:
            self.log = []

    def set(self, values: dict[str, Any]) -> None:
        """latency: seconds before an answer; throttle: the next N requests, or {"probability": p}; rate: requests a second, more are throttled;
        hold: true keeps requests at a gate until false; page_size: rows a page; digits: behind the point of costs, each
        rounded by itself; today: the emulator's date; corrections: a list of {"day", "from",
        "account", "amount"}: from the date `from` on every line of the account, or of all, costs `amount` (in 10⁻¹⁰) more on that day."""
        with self.changed:
            for name, value in values.items():
                match name:
                    case "latency":
                        self.latency = float(value)
                    case "throttle" if isinstance(value, dict):
                        self.throttle_probability = float(value["probability"])
                    case "throttle":
                        self.throttle_next = int(value)
                    case "rate":
                        self.rate = None if value is None else float(value)
                        self.tokens, self.filled = max(1.0, self.rate or 0), time.monotonic()
                    case "corrections":
                        self.corrections = list(value)
                    case "hold":
                        self.held = bool(value)
                    case "page_size":
                        self.page_size = value
                    case "digits":
                        self.digits = value
                    case "today":
                        self.today = None if value is None else date.fromisoformat(value)
                    case _:
                        raise ServiceError("UnknownControl", f"There is no control {name}.")
            self.changed.notify_all()

    def admit(self, operation: str, request: Any) -> dict[str, Any]:
        """Logs a request, keeps it as long as the controls say, and returns its record. Raises what a throttled caller gets."""
        later = isinstance(request, dict) and ("NextPageToken" in request or "NextToken" in request)
        record = {"operation": operation, "request": request, "at": time.time(), "status": 0, "page": "later" if later else "first"}
        with self.changed:
            self.log.append(record)
            throttled = self.throttle_next > 0 or self._chance.random() < self.throttle_probability or self._is_over_rate()
            if self.throttle_next > 0:
                self.throttle_next -= 1
            latency = self.latency
            self.changed.notify_all()
            while self.held:
                self.changed.wait()
        if latency:
            time.sleep(latency)
        if throttled:
            record["status"], record["throttled"] = 400, True
            if operation.startswith("AWSPriceListService"):
                raise ServiceError("ThrottlingException", "Rate exceeded")
            raise ServiceError("LimitExceededException", "You have made too many API calls in a short period of time. Please try again later.")
        return record

    def _is_over_rate(self) -> bool:
        """Takes a token of a bucket that holds those of one second."""
        if self.rate is None:
            return False
        now = time.monotonic()
        self.tokens = min(max(1.0, self.rate), self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return True
        self.tokens -= 1
        return False

    def counts(self) -> dict[str, Any]:
        """`received` counts every request by operation, `answered` those that succeeded: the ones that a provider bills; `later_pages` those of
        the latter that asked for another page than the first; `throttled` those that were refused for their rate; `buckets` how many time
        buckets the answers had."""
        with self.changed:
            answered = [record for record in self.log if record["status"] == 200]
            buckets: Counter[str] = Counter()
            for record in answered:
                buckets[_name(record)] += record.get("buckets", 0)
            return {
                "received": Counter(_name(record) for record in self.log),
                "answered": Counter(_name(record) for record in answered),
                "buckets": +buckets,
                "later_pages": Counter(_name(record) for record in answered if record["page"] == "later"),
                "throttled": Counter(_name(record) for record in self.log if record.get("throttled")),
            }

    def summary(self) -> dict[str, Any]:
        """The counts, and the log itself."""
        with self.changed:
            log = list(self.log)
        return self.counts() | {"log": log}


def _name(record: dict[str, Any]) -> str:
    return record["operation"].rpartition(".")[2]
