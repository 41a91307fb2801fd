"""Time periods and their buckets. The start is inclusive, the end exclusive; everything is UTC."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from .errors import invalid


@dataclass(frozen=True)
class Bucket:
    start: date
    end: date

    def days(self) -> list[date]:
        return [self.start + timedelta(days=n) for n in range((self.end - self.start).days)]

    def json(self) -> dict[str, str]:
        return {"Start": self.start.isoformat(), "End": self.end.isoformat()}


def parse_period(period: Any) -> Bucket:
    try:
        bucket = Bucket(date.fromisoformat(period["Start"][:10]), date.fromisoformat(period["End"][:10]))
    except (KeyError, TypeError, ValueError) as error:
        raise invalid("TimePeriod must have Start and End in the form yyyy-MM-dd.") from error
    if bucket.start >= bucket.end:
        raise invalid("Start date (and hour) should be before end date (and hour)")
    return bucket


def split(period: Bucket, granularity: str) -> list[Bucket]:
    """Days, or calendar months clipped to the period."""
    if granularity == "DAILY":
        return [Bucket(day, day + timedelta(days=1)) for day in period.days()]
    if granularity == "MONTHLY":
        buckets, start = [], period.start
        while start < period.end:
            following = next_month(start)
            buckets.append(Bucket(start, min(following, period.end)))
            start = following
        return buckets
    raise invalid(f"Granularity {granularity} is not enabled for this account.")


def next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
