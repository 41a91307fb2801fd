"""A seeded ledger of cloud costs: the same seed gives the same cents on every machine and every day."""

import hashlib
import random
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache

ACCOUNTS = {"111111111111": "platform", "222222222222": "data", "333333333333": "sandbox"}

# service → (usage type, operation, instance type, price of a day in US dollars, unit)
CATALOGUE = {
    "Amazon Elastic Compute Cloud - Compute": [
        ("BoxUsage:m5.large", "RunInstances", "m5.large", "9.216", "Hrs"),
        ("BoxUsage:c6g.xlarge", "RunInstances", "c6g.xlarge", "13.056", "Hrs"),
    ],
    "EC2 - Other": [("EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "NoInstanceType", "1.3333333333", "GB-Mo")],
    "Amazon Simple Storage Service": [
        ("TimedStorage-ByteHrs", "StandardStorage", "NoInstanceType", "2.71828", "GB-Mo"),
        ("Requests-Tier1", "PutObject", "NoInstanceType", "0.0405", "Requests"),
    ],
    "Amazon Relational Database Service": [("InstanceUsage:db.r6g.large", "CreateDBInstance:0014", "db.r6g.large", "21.6", "Hrs")],
    "AWS Lambda": [("Lambda-GB-Second", "Invoke", "NoInstanceType", "0.777", "Lambda-GB-Second")],
}

REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2"]
TEAMS = ["checkout", "search", "größe", None]
ENVIRONMENTS = ["prod", "dev", None]

COST_METRICS = ["AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost"]
USAGE_METRICS = ["NormalizedUsageAmount", "UsageQuantity"]
METRICS = COST_METRICS + USAGE_METRICS

_FACTORS = {
    "UnblendedCost": Decimal("1"),
    "BlendedCost": Decimal("0.99"),
    "AmortizedCost": Decimal("1.01"),
    "NetUnblendedCost": Decimal("0.93"),
    "NetAmortizedCost": Decimal("0.94"),
    "NormalizedUsageAmount": Decimal("8"),
    "UsageQuantity": Decimal("24"),
}


@dataclass(frozen=True)
class Line:
    """One thing that costs money every day."""

    dimensions: dict[str, str]
    tags: dict[str, str]
    categories: dict[str, str]
    price: Decimal
    unit: str
    number: int = field(compare=False, default=0)

    def __hash__(self) -> int:
        return self.number


class Ledger:
    """Lines and what each of them cost on a day. Amounts are decimals of ten places, so that sums are exact."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.lines = list(self._make_lines())
        self.amount = lru_cache(maxsize=200_000)(self._amount)

    def _make_lines(self):
        chance = random.Random(self.seed)
        number = 0
        for account in ACCOUNTS:
            for service, usages in CATALOGUE.items():
                for region in REGIONS:
                    for usage_type, operation, instance_type, price, unit in usages:
                        if chance.random() < 0.2:
                            continue
                        team, environment = chance.choice(TEAMS), chance.choice(ENVIRONMENTS)
                        tags = {key: value for key, value in (("team", team), ("env", environment)) if value is not None}
                        number += 1
                        yield Line(
                            dimensions={
                                "LINKED_ACCOUNT": account,
                                "SERVICE": service,
                                "REGION": region,
                                "AZ": region + "a",
                                "USAGE_TYPE": usage_type,
                                "OPERATION": operation,
                                "INSTANCE_TYPE": instance_type,
                                "PLATFORM": "Linux/UNIX" if "BoxUsage" in usage_type else "NoPlatform",
                                "TENANCY": "Shared" if "BoxUsage" in usage_type else "NoTenancy",
                                "RECORD_TYPE": "Usage",
                                "PURCHASE_TYPE": "On Demand Instances",
                                "LEGAL_ENTITY_NAME": "Amazon Web Services, Inc.",
                                "INVOICING_ENTITY": "Amazon Web Services, Inc.",
                                "RESOURCE_ID": f"i-{number:012x}",
                            },
                            tags=tags,
                            categories={"Stage": "Production" if environment == "prod" else "Other"},
                            price=Decimal(price) * Decimal(chance.randrange(50, 300)) / 100,
                            unit=unit,
                            number=number,
                        )

    def _amount(self, line: Line, day: date, metric: str) -> Decimal:
        noise = hashlib.sha256(f"{self.seed}/{line.number}/{day.isoformat()}".encode()).digest()
        share = Decimal(9000 + int.from_bytes(noise[:2]) % 2000) / 10000
        if day.weekday() >= 5:
            share *= Decimal("0.6")
        return (line.price * share * _FACTORS[metric]).quantize(Decimal("0.0000000001"))

    def unit(self, lines: list[Line], metric: str) -> str:
        """US dollars for costs; for usage the unit of the lines if they agree, else ``N/A``, as the real service says."""
        if metric in COST_METRICS:
            return "USD"
        units = {line.unit for line in lines}
        return units.pop() if len(units) == 1 and metric == "UsageQuantity" else "N/A"


def text(amount: Decimal) -> str:
    """An amount as the service writes it: no exponent, no zeros at the end."""
    if amount == 0:
        return "0"
    return format(amount.normalize(), "f")
