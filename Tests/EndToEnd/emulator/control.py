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
            self.held = False
            self.page_size: int | None = None
            self.today: date | None = None
            self.log: list[dict[str, Any]] = []
            self._chance = random.Random(1)
            self.changed.notify_all()

    def set(self, values: dict[str, Any]) -> None:
        """latency: seconds before an answer; throttle: the next N requests, or {"probability": p}; hold: true keeps requests at a gate until false;
        page_size: rows a page; today: the emulator's date."""
        with self.changed:
            for name, value in values.items():
                match name:
                    case "latency":
                        self.latency = float(value)
                    case "throttle" if isinstance(value, dict):
                        self.throttle_probability = float(value["probability"])
                    case "throttle":
                        self.throttle_next = int(value)
                    case "hold":
                        self.held = bool(value)
                    case "page_size":
                        self.page_size = value
                    case "today":
                        self.today = None if value is None else date.fromisoformat(value)
                    case _:
                        raise ServiceError("UnknownControl", f"There is no control {name}.")
            self.changed.notify_all()

    def admit(self, operation: str, request: Any) -> dict[str, Any]:
        """Logs a request, keeps it as long as the controls say, and returns its record. Raises what a throttled caller gets."""
        record = {"operation": operation, "request": request, "at": time.time(), "status": 0}
        with self.changed:
            self.log.append(record)
            throttled = self.throttle_next > 0 or self._chance.random() < self.throttle_probability
            if self.throttle_next > 0:
                self.throttle_next -= 1
            latency = self.latency
            self.changed.notify_all()
            while self.held:
                self.changed.wait()
        if latency:
            time.sleep(latency)
        if throttled:
            record["status"] = 400
            if operation.startswith("AWSPriceListService"):
                raise ServiceError("ThrottlingException", "Rate exceeded")
            raise ServiceError("LimitExceededException", "You have made too many API calls in a short period of time. Please try again later.")
        return record

    def summary(self) -> dict[str, Any]:
        """`received` counts every request by operation, `answered` those that succeeded: the ones that a provider bills."""
        with self.changed:
            return {
                "received": Counter(record["operation"].rpartition(".")[2] for record in self.log),
                "answered": Counter(record["operation"].rpartition(".")[2] for record in self.log if record["status"] == 200),
                "log": list(self.log),
            }
