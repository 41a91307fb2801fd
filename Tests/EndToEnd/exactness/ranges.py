"""Random questions of a few shapes over many ranges, as dashboards ask them while the days pass."""

import random
from datetime import date, timedelta

from emulator.ledger import METRICS, Ledger
from emulator.periods import next_month

from .questions import KEYS, LIKELY, Arguments, QuestionSpace, Shape, spelled


class RangeSpace:
    """`shapes` shapes; every wave asks some of them for ranges that end about the day. The same seed gives the same questions. With `sums` they
    are about money, for one value, several or all of a key."""

    def __init__(self, seed: int, ledger: Ledger, shapes: int = 30, sums: bool = False) -> None:
        self.seed = seed
        values = QuestionSpace(seed, date(2026, 1, 1), ledger, families=0).values
        chance = random.Random(f"{seed}/shapes")
        shape = self._summed_shape if sums else self._shape
        self.shapes = [shape(chance, values) for _ in range(shapes)]

    def _summed_shape(self, chance: random.Random, values: dict) -> Shape:
        groups = chance.sample(KEYS[:4] + KEYS[-3:], chance.choice([0, 1, 1, 2]))
        key = chance.choice(LIKELY)
        rest = chance.choice([[], [key.leaf(chance.sample(values[key], min(len(values[key]), chance.choice([1, 2, 2, 3]))))]])
        metrics = chance.sample(["AmortizedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost"], chance.choice([1, 1, 2]))
        return Shape(chance.choice(["DAILY", "DAILY", "DAILY", "MONTHLY"]), "", "", metrics, groups, rest)

    def _shape(self, chance: random.Random, values: dict) -> Shape:
        groups = chance.sample(KEYS[:4] + KEYS[-3:], chance.choice([0, 0, 1, 1, 1, 2]))
        key = chance.choice(LIKELY)
        rest = chance.choice([[], [], [key.leaf([chance.choice(values[key])])], [{"Not": key.leaf(values[key][:1])}]])
        metrics = chance.sample(METRICS, chance.choice([1, 1, 2]))
        return Shape(chance.choice(["DAILY", "DAILY", "DAILY", "MONTHLY"]), "", "", metrics, groups, rest)

    def wave(self, day: date, number: int) -> list[Arguments]:
        """What is asked at the same time: mostly ranges of one or two shapes."""
        chance = random.Random(f"{self.seed}/wave/{day}/{number}")
        shapes = chance.sample(self.shapes, chance.choice([1, 1, 2, 3]))
        asked = []
        for _ in range(chance.randint(1, 8)):
            shape = chance.choice(shapes)
            start, end = self._range(chance, shape, day)
            asked.append(spelled(chance, shape.arguments(start_date=start.isoformat(), end_date=end.isoformat())))
        return asked

    def _range(self, chance: random.Random, shape: Shape, day: date) -> tuple[date, date]:
        return months(chance, day) if shape.granularity == "MONTHLY" else days(chance, day, 20 if len(shape.groups) == 2 else 90)


def days(chance: random.Random, day: date, longest: int) -> tuple[date, date]:
    """The last so many days, the month so far, the month before, or any days."""
    first = day.replace(day=1)
    match chance.randrange(8):
        case 0 | 1 | 2:
            end = day + timedelta(days=chance.choice([0, 0, 1]))
            return end - timedelta(days=min(longest, chance.choice([7, 7, 14, 30, 60, 90]))), end
        case 3 if day > first:
            return first, day
        case 4:
            start = (first - timedelta(days=1)).replace(day=1)
            return start, min(first, start + timedelta(days=longest))
        case 5:
            start = day - timedelta(days=chance.randint(0, 3))
            return start, start + timedelta(days=chance.randint(1, 6))
        case _:
            start = day - timedelta(days=chance.randint(1, 120))
            return start, start + timedelta(days=chance.randint(1, min(longest, 40)))


def months(chance: random.Random, day: date) -> tuple[date, date]:
    """Whole months up to the running one, the running one so far, and sometimes months that are cut."""
    start = day.replace(day=1)
    for _ in range(chance.randint(0, 7)):
        start = (start - timedelta(days=1)).replace(day=1)
    end = next_month(start)
    for _ in range(chance.randint(0, 6)):
        end = next_month(end) if end <= day else end
    match chance.randrange(6):
        case 0 if day > start:
            return start, day
        case 1:
            return start + timedelta(days=chance.randint(1, 20)), end
        case _:
            return start, end
