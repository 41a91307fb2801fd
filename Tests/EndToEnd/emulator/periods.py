"""Time periods and their buckets. The start is inclusive, the end exclusive; everything is UTC."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from .errors import invalid

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_HOUR = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:00:00Z")


@dataclass(frozen=True)
class Bucket:
    """Whole days, or with `hours` a part of the one day `start`: the hour it begins with and the one before which it ends."""

    start: date
    end: date
    hours: tuple[int, int] | None = None

    def days(self) -> list[date]:
        return [self.start + timedelta(days=n) for n in range((self.end - self.start).days)]

    def ordinals(self) -> range:
        return range(self.start.toordinal(), self.end.toordinal())

    def json(self) -> dict[str, str]:
        if self.hours is None:
            return {"Start": self.start.isoformat(), "End": self.end.isoformat()}
        moments = (datetime(self.start.year, self.start.month, self.start.day) + timedelta(hours=hour) for hour in self.hours)
        return dict(zip(("Start", "End"), (f"{moment.isoformat()}Z" for moment in moments), strict=True))


def parse_period(period: Any) -> Bucket:
    """The days of a period, whatever its hours."""
    try:
        bucket = Bucket(date.fromisoformat(period["Start"][:10]), date.fromisoformat(period["End"][:10]))
    except (KeyError, TypeError, ValueError) as error:
        raise invalid("TimePeriod must have Start and End in the form yyyy-MM-dd.") from error
    if bucket.start > bucket.end or (bucket.start == bucket.end and period["Start"] >= period["End"]):
        raise invalid("Start date (and hour) should be before end date (and hour)")
    return bucket


def split(period: Any, granularity: str) -> list[Bucket]:
    """The buckets of a period as a request writes it: hours, days, or calendar months clipped to the period."""
    days = parse_period(period)
    if granularity == "HOURLY":
        return _hours(period)
    if granularity not in ("DAILY", "MONTHLY"):
        raise invalid(f"Granularity {granularity} is not supported.")
    if not (_DAY.fullmatch(period["Start"]) and _DAY.fullmatch(period["End"])):
        raise invalid("Hourly timePeriod is not supported for this request: dates must be yyyy-MM-dd.")
    if granularity == "DAILY":
        return [Bucket(day, day + timedelta(days=1)) for day in days.days()]
    buckets, start = [], days.start
    while start < days.end:
        following = next_month(start)
        buckets.append(Bucket(start, min(following, days.end)))
        start = following
    return buckets


def _hours(period: dict[str, str]) -> list[Bucket]:
    if not (_HOUR.fullmatch(period["Start"]) and _HOUR.fullmatch(period["End"])):
        raise invalid("The time period of HOURLY must be whole hours in the form yyyy-MM-ddThh:mm:ssZ.")
    moment, end = (datetime.fromisoformat(period[name].removesuffix("Z")) for name in ("Start", "End"))
    buckets = []
    while moment < end:
        buckets.append(Bucket(moment.date(), moment.date() + timedelta(days=1), (moment.hour, moment.hour + 1)))
        moment += timedelta(hours=1)
    return buckets


def next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
