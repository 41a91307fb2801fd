"""Random questions for the price list, in families whose members ask for other regions, or for other values of one filter."""

import random
from typing import Any

from emulator.price_list import PriceList

Arguments = dict[str, Any]

REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2", "eu-west-3"]
FIELDS = {
    "AmazonEC2": ["instanceType", "operatingSystem", "vcpu", "tenancy", "memory"],
    "AmazonElastiCache": ["instanceType", "cacheEngine", "vcpu", "memory", "note"],
    "AmazonS3": ["storageClass", "volumeType"],
    "AmazonRDS": ["instanceType", "databaseEngine"],
}


class PriceSpace:
    """Families of look-ups; the same seed gives the same ones."""

    def __init__(self, seed: int, families: int = 120, members: int = 10) -> None:
        self.seed = seed
        self.members = members
        self.values = {
            (service, field): sorted(
                {value for product in PriceList().products if product["serviceCode"] == service if (value := product["product"]["attributes"].get(field))}
            )
            for service, fields in FIELDS.items()
            for field in fields
        }
        self.families = [self._family(random.Random(f"{seed}/price/{number}")) for number in range(families)]

    def batch(self, number: int) -> list[Arguments]:
        """Two to twelve look-ups that are made at the same time."""
        chance = random.Random(f"{self.seed}/price/batch/{number}")
        size = chance.randint(2, 12)
        family = chance.choice(self.families)
        strangers = chance.choice([0, 0, 1, 3])
        chosen = [chance.choice(chance.choice(self.families)) for _ in range(min(strangers, size - 1))]
        chosen += [chance.choice(family) for _ in range(size - len(chosen))]
        chance.shuffle(chosen)
        return chosen

    def _family(self, chance: random.Random) -> list[Arguments]:
        service = chance.choice(["AmazonEC2", "AmazonElastiCache", "AmazonElastiCache", "AmazonS3", "AmazonRDS"])
        shared = [self._filter(chance, service) for _ in range(chance.choice([0, 0, 1, 2]))]
        region: Any = chance.choice([None, chance.choice(REGIONS), chance.sample(REGIONS, 2)])
        options = self._options(chance, service)
        axis = chance.choice(["region", "region", "filter", "filter", "both", "limits"])
        varied = chance.choice(FIELDS[service])
        made = []
        for _ in range(self.members):
            asked: Arguments = {"service_code": service, **options}
            filters = list(shared)
            if axis in ("region", "both", "limits"):
                asked["region"] = chance.choice([chance.choice(REGIONS), chance.choice(REGIONS), chance.sample(REGIONS, chance.randint(1, 3))])
            elif region is not None:
                asked["region"] = region
            if axis in ("filter", "both"):
                value = chance.choice([*self.values[service, varied], "none such"])
                kind = chance.choice(["EQUALS"] * 8 + ["TERM_MATCH", "CONTAINS", "ANY_OF"])
                filters.append({"Field": varied, "Type": kind, "Value": value if chance.random() < 0.9 else value.lower()})
            if filters:
                asked["filters"] = chance.sample(filters, len(filters))
            if axis == "limits" and chance.random() < 0.5:
                asked |= chance.choice([{"max_results": chance.choice([2, 5, 100])}, {"max_allowed_characters": chance.choice([-1, 2000, 9000])}])
            made.append(asked)
        return made

    def _filter(self, chance: random.Random, service: str) -> dict[str, str]:
        field = chance.choice(FIELDS[service])
        kind = chance.choice(["EQUALS", "EQUALS", "ANY_OF", "NONE_OF", "CONTAINS"])
        values = self.values[service, field]
        value = ",".join(chance.sample(values, min(2, len(values)))) if kind in ("ANY_OF", "NONE_OF") else chance.choice(values)
        return {"Field": field, "Type": kind, "Value": value}

    def _options(self, chance: random.Random, service: str) -> Arguments:
        match chance.randrange(6):
            case 0:
                return {"output_options": {"pricing_terms": ["OnDemand"]}}
            case 1:
                shown = chance.sample(FIELDS[service], min(2, len(FIELDS[service])))
                return {"output_options": {"product_attributes": chance.choice([shown, [*shown, "regionCode"]])}}
            case 2:
                return {"output_options": {"exclude_free_products": True}}
            case _:
                return {}
