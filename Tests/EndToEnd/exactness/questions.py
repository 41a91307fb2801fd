"""Random questions for Cost Explorer, in families whose members are much alike: most can be asked together, some look so and cannot."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from emulator.ledger import METRICS, Ledger
from emulator.periods import next_month

Arguments = dict[str, Any]
Filter = dict[str, Any]

ROOTS = {"DIMENSION": "Dimensions", "TAG": "Tags", "COST_CATEGORY": "CostCategories"}
DIMENSIONS = ["LINKED_ACCOUNT", "SERVICE", "REGION", "USAGE_TYPE", "INSTANCE_TYPE", "OPERATION", "AZ", "PURCHASE_TYPE", "RECORD_TYPE", "PLATFORM"]


@dataclass(frozen=True)
class Key:
    """What can be filtered on and grouped by."""

    kind: str
    name: str

    @property
    def group(self) -> dict[str, str]:
        return {"Type": self.kind, "Key": self.name}

    def leaf(self, values: list[str], **more: Any) -> Filter:
        return {ROOTS[self.kind]: {"Key": self.name, "Values": values, **more}}


KEYS = [Key("DIMENSION", name) for name in DIMENSIONS] + [Key("TAG", "team"), Key("TAG", "env"), Key("COST_CATEGORY", "Stage")]
# Those that people split their bills by come up more often.
LIKELY = KEYS[:3] * 3 + KEYS + [Key("TAG", "team")] * 3


@dataclass
class Shape:
    """Everything that the members of a family have in common, or vary one at a time."""

    granularity: str
    start: str
    end: str
    metrics: list[str]
    groups: list[Key]
    rest: list[Filter]

    def arguments(self, **changes: Any) -> Arguments:
        conditions = [*self.rest, *changes.pop("also", [])]
        arguments: Arguments = {
            "operation": "getCostAndUsage",
            "start_date": self.start,
            "end_date": self.end,
            "granularity": self.granularity,
            "metrics": list(self.metrics),
        }
        if self.groups:
            arguments["group_by"] = [key.group for key in self.groups]
        if conditions:
            arguments["filter"] = conditions[0] if len(conditions) == 1 else {"And": conditions}
        return arguments | changes


class QuestionSpace:
    """`families` families of up to `members` questions each. The same seed, day and ledger give the same questions."""

    def __init__(self, seed: int, today: date, ledger: Ledger, families: int = 400, members: int = 12) -> None:
        self.seed = seed
        self.today = today
        self.members = members
        self.values = {key: self._values_of(ledger, key) for key in KEYS}
        self.families = [self._family(random.Random(f"{seed}/family/{number}")) for number in range(families)]

    def _values_of(self, ledger: Ledger, key: Key) -> list[str]:
        of = {"DIMENSION": lambda line: line.dimensions, "TAG": lambda line: line.tags, "COST_CATEGORY": lambda line: line.categories}[key.kind]
        found = sorted({of(line)[key.name] for line in ledger.lines if key.name in of(line)} - {""})
        return [*found, "none such"] if key.kind == "DIMENSION" else [*found, "", "none such"]

    def batch(self, number: int) -> list[Arguments]:
        """Two to twelve questions that are asked at the same time."""
        chance = random.Random(f"{self.seed}/batch/{number}")
        size = chance.randint(2, 12)
        strangers = chance.choice([0, 0, 0, 1, 2, 4])
        chosen = [chance.choice(chance.choice(self.families)) for _ in range(min(strangers, size - 1))]
        sources = [chance.choice(self.families) for _ in range(chance.choice([1, 1, 1, 2]))]
        while len(chosen) < size:
            chosen.append(chance.choice(chance.choice(sources)))
        chance.shuffle(chosen)
        return chosen

    # Families

    def _family(self, chance: random.Random) -> list[Arguments]:
        kinds: list[tuple[int, Callable[[random.Random], list[Arguments]]]] = [
            (10, self._metrics),
            (14, self._days),
            (8, self._months),
            (4, self._hours),
            (22, self._values_family),
            (10, self._values_in_group),
            (16, self._products),
            (4, self._partial_months),
            (4, self._two_keys),
            (4, self._mixed_filters),
            (3, self._views),
            (3, self._other_operations),
            (2, self._wrong),
        ]
        made = chance.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])[0](chance)
        return [spelled(chance, arguments) for arguments in made]

    def _shape(self, chance: random.Random, granularity: str | None = None, groups: int | None = None, without: Key | None = None) -> Shape:
        granularity = granularity or chance.choice(["DAILY", "DAILY", "MONTHLY"])
        count = chance.choice([0, 0, 1, 1, 1, 2]) if groups is None else groups
        others = [key for key in LIKELY if key != without]
        picked: list[Key] = []
        while len(picked) < count:
            key = chance.choice(others)
            if key not in picked:
                picked.append(key)
        start, end = self._range(chance, granularity, 4 if count == 2 else 10)
        metrics = chance.sample(METRICS, chance.choice([1, 1, 1, 2, 3]))
        return Shape(granularity, start, end, metrics, picked, self._rest(chance, without))

    def _rest(self, chance: random.Random, without: Key | None) -> list[Filter]:
        """Conditions that the members share; never on the key that they vary."""
        keys = [key for key in KEYS if key != without]
        key, other = chance.sample(keys, 2)
        some = chance.sample(self.values[key], min(len(self.values[key]), chance.randint(1, 3)))
        match chance.randrange(12):
            case 0 | 1:
                return [key.leaf(some)]
            case 2:
                return [{"Not": key.leaf(some)}]
            case 3:
                return [{"Or": [key.leaf(some), other.leaf(self.values[other][:1])]}]
            case 4:
                return [{"Not": key.leaf(some[:1])}, {"Not": other.leaf(self.values[other][:2])}]
            case 5:
                return [Key("TAG", "team" if without != Key("TAG", "team") else "env").leaf([], MatchOptions=["ABSENT"])]
            case _:
                return []

    def _day(self, back: int) -> str:
        return (self.today - timedelta(days=back)).isoformat()

    def _month(self, back: int) -> date:
        first = self.today.replace(day=1)
        for _ in range(back):
            first = (first - timedelta(days=1)).replace(day=1)
        return first

    def _range(self, chance: random.Random, granularity: str, longest: int) -> tuple[str, str]:
        if granularity == "MONTHLY":
            back = chance.randint(0, 6)
            end = self._month(max(0, back - chance.randint(0, min(back, 3))))
            return self._month(back).isoformat(), next_month(end).isoformat()
        start = chance.randint(2, 50)
        return self._day(start), self._day(max(0, start - chance.randint(1, longest)))

    def _metrics(self, chance: random.Random) -> list[Arguments]:
        shape = self._shape(chance)
        return [shape.arguments(metrics=chance.sample(METRICS, chance.randint(1, 4))) for _ in range(self.members)]

    def _days(self, chance: random.Random) -> list[Arguments]:
        shape = self._shape(chance, "DAILY")
        middle, made = chance.randint(6, 45), []
        for _ in range(self.members):
            start = max(1, middle + chance.randint(-6, 6))
            made.append(shape.arguments(start_date=self._day(start), end_date=self._day(max(-1, start - chance.randint(1, 6)))))
        return made

    def _months(self, chance: random.Random) -> list[Arguments]:
        shape, made = self._shape(chance, "MONTHLY"), []
        for _ in range(self.members):
            start, end = self._range(chance, "MONTHLY", 0)
            made.append(shape.arguments(start_date=start, end_date=end))
        return made

    def _partial_months(self, chance: random.Random) -> list[Arguments]:
        """Whole months beside months that are cut: a cut month is not a part of the whole one."""
        shape, made = self._shape(chance, "MONTHLY"), []
        for _ in range(self.members):
            start = chance.randint(3, 100)
            whole = self._range(chance, "MONTHLY", 0)
            cut = (self._day(start), self._day(max(0, start - chance.randint(1, 70))))
            begun = (self._month(3).isoformat(), self._day(chance.randint(0, 60)))
            first, last = chance.choice([whole, cut, begun])
            made.append(shape.arguments(start_date=first, end_date=last))
        return made

    def _hours(self, chance: random.Random) -> list[Arguments]:
        shape = self._shape(chance, "DAILY", groups=chance.choice([0, 0, 1]))
        shape.granularity = "HOURLY"
        day, made = chance.randint(2, 11), []
        for _ in range(self.members):
            begin, length = chance.randint(0, 30), chance.randint(1, 9)
            hours = [f"{self._day(day - hour // 24)}T{hour % 24:02d}:00:00Z" for hour in (begin, begin + length)]
            made.append(shape.arguments(start_date=hours[0], end_date=hours[1]))
        return made

    def _values_family(self, chance: random.Random) -> list[Arguments]:
        """One value each of one key that they are not grouped by; sometimes two, an option, or one that holds for nothing."""
        key = chance.choice(LIKELY)
        shape, made = self._shape(chance, without=key, groups=chance.choice([0, 0, 1, 1, 2])), []
        for _ in range(self.members):
            value = chance.choice(self.values[key])
            match chance.randrange(16):
                case 0:
                    leaf = key.leaf([value, chance.choice(self.values[key])])
                case 1:
                    leaf = key.leaf([value], MatchOptions=["EQUALS", "CASE_SENSITIVE"])
                case 2:
                    leaf = key.leaf([value], MatchOptions=[chance.choice(["STARTS_WITH", "CONTAINS", "CASE_INSENSITIVE"])])
                case 3 if key.kind != "DIMENSION":
                    leaf = key.leaf([], MatchOptions=["ABSENT"])
                case _:
                    leaf = key.leaf([value])
            made.append(shape.arguments(also=[leaf]))
        return made

    def _values_in_group(self, chance: random.Random) -> list[Arguments]:
        """Any values of a key that they are grouped by."""
        key = chance.choice(LIKELY)
        shape, made = self._shape(chance, without=key, groups=chance.choice([0, 1])), []
        shape.groups.insert(chance.randint(0, len(shape.groups)), key)
        for _ in range(self.members):
            values = chance.sample(self.values[key], min(len(self.values[key]), chance.randint(1, 3)))
            made.append(shape.arguments(also=[key.leaf(values)] if chance.random() < 0.95 else []))
        return made

    def _products(self, chance: random.Random) -> list[Arguments]:
        """Metrics, ranges and values vary together."""
        key = chance.choice(LIKELY)
        shape = self._shape(chance, without=key, groups=chance.choice([0, 0, 1]))
        values = chance.sample(self.values[key], min(3, len(self.values[key])))
        ranges = [self._range(chance, shape.granularity, 4) for _ in range(2)] + [(shape.start, shape.end)]
        metrics = [chance.sample(METRICS, chance.randint(1, 2)) for _ in range(2)]
        made = []
        for _ in range(self.members):
            start, end = chance.choice(ranges)
            made.append(shape.arguments(also=[key.leaf([chance.choice(values)])], start_date=start, end_date=end, metrics=chance.choice(metrics)))
        return made

    def _two_keys(self, chance: random.Random) -> list[Arguments]:
        one, other = chance.sample(KEYS, 2)
        shape = self._shape(chance, without=one, groups=chance.choice([0, 1]))
        shape.rest = []
        return [
            shape.arguments(also=[one.leaf([chance.choice(self.values[one])]), other.leaf([chance.choice(self.values[other])])])
            for _ in range(self.members)
        ]

    def _mixed_filters(self, chance: random.Random) -> list[Arguments]:
        """The key stands under Or, Not, or twice: none of them is one value of it."""
        one, other = chance.sample(KEYS, 2)
        shape, made = self._shape(chance, without=one, groups=chance.choice([0, 1])), []
        shape.rest = []
        for _ in range(self.members):
            leaf, second = one.leaf([chance.choice(self.values[one])]), one.leaf([chance.choice(self.values[one])])
            beside = other.leaf([self.values[other][0]])
            also = chance.choice(
                [[leaf], [{"Not": leaf}], [{"Or": [leaf, beside]}], [leaf, second], [{"And": [leaf, beside]}, {"Not": second}], [{"Not": {"Not": leaf}}], []]
            )
            made.append(shape.arguments(also=also))
        return made

    def _views(self, chance: random.Random) -> list[Arguments]:
        shape = self._shape(chance)
        views = [None, "arn:aws:billing::111111111111:billingview/primary"]
        views += [f"arn:aws:billing::111111111111:billingview/custom-{account}" for account in self.values[KEYS[0]][:2]]
        made = []
        for _ in range(self.members):
            view = chance.choice(views)
            made.append(shape.arguments(metrics=chance.sample(METRICS, 1), **({"billing_view_arn": view} if view else {})))
        return made

    def _other_operations(self, chance: random.Random) -> list[Arguments]:
        """What must never be merged, beside what may be."""
        shape, made = self._shape(chance, "DAILY"), []
        ahead = {"start_date": self._day(-1), "end_date": self._day(-40), "granularity": "MONTHLY"}
        for _ in range(self.members):
            key = chance.choice(KEYS[:4])
            leaf = key.leaf([chance.choice(self.values[key][:-1])])
            period = {"start_date": shape.start, "end_date": shape.end}
            made.append(
                chance.choice(
                    [
                        {"operation": "getCostForecast", "metric": "UNBLENDED_COST", "filter": leaf, **ahead},
                        {"operation": "getUsageForecast", "metric": "USAGE_QUANTITY", "filter": leaf, **ahead},
                        {"operation": "getDimensionValues", "dimension": key.name, **period},
                        {"operation": "getTagsOrValues", "tag_key": chance.choice(["team", "env"]), **period},
                        {"operation": "getCostCategories", **period},
                        shape.arguments(also=[leaf], max_pages=chance.randint(1, 3)),
                        shape.arguments(
                            also=[leaf],
                            operation="getCostAndUsageWithResources",
                            group_by=[{"Type": "DIMENSION", "Key": "RESOURCE_ID"}],
                            start_date=self._day(3),
                            end_date=self._day(2),
                        ),
                        shape.arguments(also=[leaf]),
                        shape.arguments(also=[leaf], metrics=chance.sample(METRICS, 1)),
                    ]
                )
            )
        return made

    def _wrong(self, chance: random.Random) -> list[Arguments]:
        """Members that the provider refuses, beside the ones that it answers."""
        key = chance.choice(LIKELY)
        shape, made = self._shape(chance, "DAILY", without=key, groups=1), []
        for _ in range(self.members):
            right = shape.arguments(also=[key.leaf([chance.choice(self.values[key])])])
            made.append(
                chance.choice(
                    [
                        right,
                        right,
                        right | {"metrics": ["Cost"]},
                        right | {"start_date": self._day(900)},
                        right | {"start_date": shape.end, "end_date": shape.start},
                        right | {"group_by": [{"Type": "DIMENSION", "Key": "COLOUR"}]},
                        right | {"filter": {"Dimensions": {"Key": "SERVICE"}}},
                        right | {"granularity": "HOURLY"},
                    ]
                )
            )
        return made


def spelled(chance: random.Random, arguments: Arguments) -> Arguments:
    """The same question as another person would write it."""
    said = json.loads(json.dumps(arguments))
    if chance.random() < 0.2 and said.get("metrics") == ["UnblendedCost"]:
        del said["metrics"]
    if chance.random() < 0.3 and said.get("granularity") == "DAILY":
        del said["granularity"]
    if chance.random() < 0.1 and "group_by" not in said:
        said["group_by"] = None
    if chance.random() < 0.2:
        said.setdefault("prediction_interval_level", 80)
    for name in ("metrics", "group_by", "filter"):
        if said.get(name) is not None and chance.random() < 0.2:
            said[name] = json.dumps(said[name], ensure_ascii=chance.random() < 0.5)
    if isinstance(said.get("filter"), dict) and chance.random() < 0.3:
        said["filter"] = shuffled(chance, said["filter"])
    return dict(chance.sample(list(said.items()), len(said)))


def shuffled(chance: random.Random, expression: Any) -> Any:
    """A filter with its values and conditions in another order, perhaps with a value twice."""
    if isinstance(expression, dict):
        made = {name: shuffled(chance, part) for name, part in expression.items()}
        if made.get("Values") and chance.random() < 0.5:
            made["Values"] = chance.sample(made["Values"], len(made["Values"])) + made["Values"][: chance.randint(0, 1)]
        return dict(chance.sample(list(made.items()), len(made)))
    if isinstance(expression, list) and all(isinstance(part, dict) for part in expression):
        parts = [shuffled(chance, part) for part in expression]
        return chance.sample(parts, len(parts))
    return expression
