"""A seeded ledger of cloud costs: the same seed gives the same cents on every machine, as seen on the same day."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from .periods import next_month

ACCOUNTS = {"111111111111": "platform", "222222222222": "data", "333333333333": "sandbox"}

# service → (usage type, operation, instance type, price of a day in units of 10⁻¹⁰ US dollars, unit)
CATALOGUE = {
    "Amazon Elastic Compute Cloud - Compute": [
        ("BoxUsage:m5.large", "RunInstances", "m5.large", 92_160_000_000, "Hrs"),
        ("BoxUsage:c6g.xlarge", "RunInstances", "c6g.xlarge", 130_560_000_000, "Hrs"),
    ],
    "EC2 - Other": [("EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "NoInstanceType", 13_333_333_333, "GB-Mo")],
    "Amazon Simple Storage Service": [
        ("TimedStorage-ByteHrs", "StandardStorage", "NoInstanceType", 27_182_800_000, "GB-Mo"),
        ("Requests-Tier1", "PutObject", "NoInstanceType", 405_000_001, "Requests"),
    ],
    "Amazon Relational Database Service": [("InstanceUsage:db.r6g.large", "CreateDBInstance:0014", "db.r6g.large", 216_000_000_000, "Hrs")],
    "AWS Lambda": [
        ("Lambda-GB-Second", "Invoke", "NoInstanceType", 7_770_000_000, "Lambda-GB-Second"),
        ("Request", "Invoke", "NoInstanceType", 37, "Requests"),
    ],
    "AWS Key Management Service": [("us-KMS-Requests", "GenerateDataKey", "NoInstanceType", 0, "Requests")],
}

REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2"]
# None is a resource without the tag; the empty value, capitals, a dollar sign and the two forms of one letter are all different.
TEAMS = ["checkout", "search", "größe", None, "", "Search", "a$b", "gro\u0308ße"]
ENVIRONMENTS = ["prod", "dev", None]

COST_METRICS = ["AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost"]
USAGE_METRICS = ["NormalizedUsageAmount", "UsageQuantity"]
METRICS = COST_METRICS + USAGE_METRICS

# In thousandths, so that every amount is a whole number of 10⁻¹⁰.
_FACTORS = {
    "UnblendedCost": 1000,
    "BlendedCost": 993,
    "AmortizedCost": 1017,
    "NetUnblendedCost": 931,
    "NetAmortizedCost": 947,
    "NormalizedUsageAmount": 8000,
    "UsageQuantity": 24000,
}

# How much of a day's amount has arrived so many days later.
_ARRIVED = {1: 550, 2: 930, 3: 1000}
SETTLED = max(_ARRIVED)
# From this day of the next month on a month is final.
CLOSING_DAY = 6
# How much more or less a line of a month that has been closed costs than before, in thousandths.
_TRUE_UPS = [0, 0, 0, 12, -7]

ALWAYS, WORKDAYS, ONCE_A_MONTH, FROM_A_DAY, UNTIL_A_DAY, SPELLS = range(6)


@dataclass(frozen=True)
class Line:
    """One thing that costs money, on the days when it runs."""

    dimensions: dict[str, str]
    tags: dict[str, str]
    categories: dict[str, str]
    price: int
    unit: str
    rhythm: int = ALWAYS
    turn: int = 0
    delay: int = 0
    true_up: int = 0
    number: int = field(compare=False, default=0)

    def __hash__(self) -> int:
        return self.number

    def runs(self, day: int) -> bool:
        """Whether there is a row of this line on the day with this ordinal."""
        match self.rhythm:
            case 1:
                return date.fromordinal(day).weekday() < 5
            case 2:
                return date.fromordinal(day).day == 1
            case 3:
                return day >= self.turn
            case 4:
                return day < self.turn
            case 5:
                return day % 17 < 6
            case _:
                return True


class Ledger:
    """Lines, and what each of them costs on a day as it is known on another. Amounts are whole numbers of 10⁻¹⁰, so that sums are exact."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.lines = list(self._make_lines())
        self._noise = cache(self._share)
        self._amounts: dict[tuple[int, int, str, int, bool], int | None] = {}
        # What a test has added by hand: (day, today from which it counts, account or None for all lines, amount).
        self.corrections: list[tuple[int, int, str | None, int]] = []

    def _make_lines(self) -> Iterator[Line]:
        chance = random.Random(self.seed)
        number = 0
        for account in ACCOUNTS:
            for service, usages in CATALOGUE.items():
                for region in REGIONS:
                    for usage_type, operation, instance_type, price, unit in usages:
                        if chance.random() < 0.2:
                            continue
                        number += 1
                        box = "BoxUsage" in usage_type
                        dimensions = {
                            "LINKED_ACCOUNT": account,
                            "SERVICE": service,
                            "REGION": region,
                            "AZ": region + "a",
                            "USAGE_TYPE": usage_type,
                            "OPERATION": operation,
                            "INSTANCE_TYPE": instance_type,
                            "PLATFORM": "Linux/UNIX" if box else "NoPlatform",
                            "TENANCY": "Shared" if box else "NoTenancy",
                            "RECORD_TYPE": "Usage",
                            "PURCHASE_TYPE": "On Demand Instances" if chance.random() < 0.7 else "Spot Instances",
                        }
                        yield self._line(chance, number, dimensions, price, unit)
            # What is no usage: a fee once a month, and a credit, which is a negative amount.
            for record_type, price in (("Tax", 1_234_500_000_07), ("Credit", -98_765_432_101)):
                number += 1
                dimensions = {name: f"No{name.title().replace('_', '')}" for name in ("AZ", "OPERATION", "INSTANCE_TYPE", "PLATFORM", "TENANCY")}
                dimensions |= {
                    "LINKED_ACCOUNT": account,
                    "SERVICE": "Tax" if record_type == "Tax" else "Amazon Simple Storage Service",
                    "REGION": "NoRegion",
                    "USAGE_TYPE": f"{record_type}-fee",
                    "RECORD_TYPE": record_type,
                    "PURCHASE_TYPE": "NoPurchaseType",
                }
                yield self._line(chance, number, dimensions, price, "N/A", rhythm=ONCE_A_MONTH if record_type == "Tax" else SPELLS)

    def _line(self, chance: random.Random, number: int, dimensions: dict[str, str], price: int, unit: str, rhythm: int | None = None) -> Line:
        team, environment = chance.choice(TEAMS), chance.choice(ENVIRONMENTS)
        stage = {"prod": "Production", "dev": "Development", None: None}[environment]
        return Line(
            dimensions=dimensions
            | {
                "LEGAL_ENTITY_NAME": "Amazon Web Services, Inc.",
                "INVOICING_ENTITY": "Amazon Web Services, Inc.",
                "BILLING_ENTITY": "AWS",
                "RESOURCE_ID": f"i-{number:012x}",
            },
            tags={key: value for key, value in (("team", team), ("env", environment)) if value is not None},
            categories={} if stage is None else {"Stage": stage},
            price=price * chance.randrange(50, 300) // 100,
            unit=unit,
            rhythm=chance.choice([ALWAYS, ALWAYS, ALWAYS, WORKDAYS, FROM_A_DAY, UNTIL_A_DAY, SPELLS]) if rhythm is None else rhythm,
            turn=date(2026, 1, 1).toordinal() + chance.randrange(330),
            delay=chance.choice([0, 0, 0, 1]),
            true_up=chance.choice(_TRUE_UPS),
            number=number,
        )

    def _share(self, number: int, day: int) -> int:
        noise = hashlib.sha256(f"{self.seed}/{number}/{day}".encode()).digest()
        share = 9000 + int.from_bytes(noise[:2]) % 2000
        return share * 6 // 10 if date.fromordinal(day).weekday() >= 5 else share

    def amount(self, line: Line, day: int, metric: str, today: int) -> int | None:
        """What the line cost on the day with this ordinal as it is known on `today`, in 10⁻¹⁰; None where there is no row (yet)."""
        age = min(today - day, SETTLED)
        if age <= line.delay:
            return None
        key = (line.number, day, metric, age, is_final(day, today))
        if key not in self._amounts:
            self._amounts[key] = self._amount(line, day, metric, age, key[4])
        amount = self._amounts[key]
        for corrected, since, account, more in self.corrections:
            if amount is not None and corrected == day and today >= since and account in (None, line.dimensions["LINKED_ACCOUNT"]):
                amount += more
        return amount

    def _amount(self, line: Line, day: int, metric: str, age: int, final: bool) -> int | None:
        if not line.runs(day):
            return None
        amount = line.price * self._noise(line.number, day) // 10_000 * _FACTORS[metric] // 1000
        amount = amount * _ARRIVED[age] // 1000
        return amount + amount * line.true_up // 1000 if final else amount


def correction(day: str, since: str | None = None, account: str | None = None, amount: int = 0, **more: str) -> tuple[int, int, str | None, int]:
    """One entry of `Ledger.corrections`, from the control of that name; `from` is the date since which it counts."""
    first = since or more.get("from") or day
    return date.fromisoformat(day).toordinal(), date.fromisoformat(first).toordinal(), account, amount


@cache
def _final_from(day: int) -> int:
    """The ordinal of the day from which on the month of this one is final."""
    return next_month(date.fromordinal(day)).replace(day=CLOSING_DAY).toordinal()


def is_final(day: int, today: int) -> bool:
    """Whether the numbers of a day do not change any more. The provider then no longer calls them estimated."""
    return today >= _final_from(day)


def text(amount: int) -> str:
    """An amount as the service writes it: no exponent, no zeros at the end."""
    sign, amount = "-" if amount < 0 else "", abs(amount)
    whole, rest = divmod(amount, 10**10)
    return sign + str(whole) + (f".{rest:010d}".rstrip("0") if rest else "")


def rounded(amount: int, digits: int) -> int:
    """An amount to so many digits behind the point; halves go up."""
    step = 10 ** (10 - digits)
    return (amount + step // 2) // step * step
