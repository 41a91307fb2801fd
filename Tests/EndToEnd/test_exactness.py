"""Answers that Weir has put together are the ones that the provider would have given: the real billing server, the emulator, random batches.

`python -m exactness` runs the same at full length. WEIR_EXACTNESS_BATCHES, WEIR_EXACTNESS_SEED and WEIR_EXACTNESS_PAGE_SIZE set the scale.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.ledger import Ledger
from exactness.answers import Normal, first_difference
from exactness.days import CLOCK_VARIABLE, VISITS, Clock, DaysProof, rounding
from exactness.direct import Direct
from exactness.merging import MergingProof
from exactness.prices import PriceSpace
from exactness.questions import QuestionSpace
from exactness.ranges import RangeSpace
from exactness.staging import PACKS, EmulatorProcess, emulator as emulator_process, session_with, weir_configuration
from support.tees import TEES
from support.weir import Weir

BATCHES = int(os.environ.get("WEIR_EXACTNESS_BATCHES", "60"))
SEED = int(os.environ.get("WEIR_EXACTNESS_SEED", "1"))
PAGE_SIZE = int(os.environ.get("WEIR_EXACTNESS_PAGE_SIZE", "60"))
DAYS = int(os.environ.get("WEIR_EXACTNESS_DAYS", "16"))
TODAY = datetime.now(UTC).date()
CONTROLS = {"today": TODAY.isoformat(), "page_size": PAGE_SIZE}

StartWeir = Callable[..., AbstractContextManager[Weir]]


@pytest.fixture(scope="module")
def plain() -> Iterator[EmulatorProcess]:
    """The emulator that is asked without Weir."""
    with emulator_process(1, **CONTROLS) as process:
        yield process


@pytest.fixture(scope="module")
def direct(plain: EmulatorProcess) -> Iterator[Direct]:
    """The real billing server, asked without Weir."""
    asked = Direct(lambda: session_with(plain.url, "real"))
    yield asked
    asked.close()


def judged_configuration(*about: Any, **options: Any) -> dict[str, Any]:
    """The same, with what Weir and its servers say to each other held against the schemas."""
    configuration = weir_configuration(*about, **options)
    for upstream in configuration["upstreams"].values():
        upstream["command"] = TEES.before(upstream["command"])
    return configuration


def prove(start_weir: StartWeir, direct: Direct, batches: range, ledger: int = 1, families: int = 20) -> MergingProof:
    space = QuestionSpace(SEED, TODAY, Ledger(1), families=families)
    with emulator_process(ledger, **CONTROLS) as behind, start_weir(judged_configuration(behind.url, "real"), level="warning") as weir:
        weir.wait_for_tools("billing", timeout=240)
        proof = MergingProof(space, direct, f"{weir.url}/mcp/billing", behind.counts)
        proof.run(batches)
    return proof


@pytest.mark.weir
@pytest.mark.timeout(1800)
def test_answers_of_calls_asked_together_are_those_of_each_alone(start_weir: StartWeir, direct: Direct) -> None:
    numbers = prove(start_weir, direct, range(BATCHES)).numbers
    print(numbers.table())
    assert numbers.differences == 0 and numbers.order_differences == 0, "\n".join(numbers.examples[:5])
    assert numbers.calls > 2 * BATCHES and numbers.throttled == 0
    # Errors on both sides are a few; otherwise the questions would be wrong, and the comparison about nothing.
    assert numbers.refused < numbers.calls / 10


@pytest.mark.weir
@pytest.mark.timeout(600)
def test_the_proof_finds_an_answer_that_differs(start_weir: StartWeir, direct: Direct) -> None:
    """Another ledger stands behind Weir: nearly every number is another."""
    numbers = prove(start_weir, direct, range(3), ledger=2).numbers
    assert numbers.differences > numbers.calls / 2


@contextlib.contextmanager
def days_proof(start_weir: StartWeir, folder: Path, first: date, shapes: int, sums: bool = False, digits: int = 10) -> Iterator[DaysProof]:
    """Weir and the real server beside it, both at the first visit of the day."""
    controls = {"page_size": 100_000, "digits": digits}
    with emulator_process(1, **controls) as beside, emulator_process(1, **controls) as behind:
        clock = Clock(folder / "clock", [beside, behind])
        clock.advance(datetime.combine(first, VISITS[0], UTC))
        asked = Direct(lambda: session_with(beside.url, "kept"))
        environment = os.environ | {CLOCK_VARIABLE: str(clock.file)}
        configuration = judged_configuration(behind.url, "kept", remembers=True, sums=sums)
        try:
            with start_weir(configuration, environment=environment, level="warning") as weir:
                weir.wait_for_tools("billing", timeout=240)
                space = RangeSpace(SEED, Ledger(1), shapes=shapes, sums=sums)
                proof = DaysProof(space, asked, beside, f"{weir.url}/mcp/billing", behind, clock, rounding(digits))
                if not proof.reads_the_clock():
                    pytest.skip(f"this Weir does not go by {CLOCK_VARIABLE}")
                yield proof
        finally:
            asked.close()


@pytest.mark.weir
@pytest.mark.timeout(1800)
def test_ranges_put_together_from_buckets_are_those_of_the_day(start_weir: StartWeir, tmp_path: Path) -> None:
    """Across a month's end and the days on which the month before becomes final."""
    first = date(2026, 2, 26)
    with days_proof(start_weir, tmp_path, first, shapes=12) as proof:
        proof.run(first, DAYS, 2)
        numbers = replace(proof.numbers)
        # The proof can fail: what changes behind the back of a closed bucket is a difference.
        last = first + timedelta(days=DAYS)
        for process in (proof.plain, proof.behind):
            process.set(corrections=[{"day": (last - timedelta(days=n)).isoformat(), "from": last.isoformat(), "amount": 10**9} for n in range(60, 200)])
        found = proof.run(last, 2, 4).differences
    print(numbers.table())
    assert numbers.differences == 0 and numbers.order_differences == 0, "\n".join(numbers.examples[:5])
    assert found > 0 and numbers.refused == 0 and numbers.derived == 0
    assert 0 < numbers.buckets_asked < numbers.buckets_answered


@pytest.mark.weir
@pytest.mark.timeout(900)
@pytest.mark.parametrize("digits", [10, 3])
def test_sums_are_those_of_the_day_or_say_that_they_are_sums(start_weir: StartWeir, tmp_path: Path, digits: int) -> None:
    """Issue 3: what `derive_sums` makes. With ten digits the emulator rounds nothing, so that sums are what it says itself; with three they are not, and
    an answer with one that does not say so is a difference."""
    first = date(2026, 2, 27)
    with days_proof(start_weir, tmp_path, first, shapes=20, sums=True, digits=digits) as proof:
        numbers = proof.run(first, 3, 5)
    print(numbers.table())
    assert numbers.differences == 0 and numbers.order_differences == 0 and numbers.refused == 0, "\n".join(numbers.examples[:5])
    assert numbers.derived > 5 and (numbers.rounded > 5 if digits == 3 else numbers.rounded == 0)


@pytest.mark.weir
@pytest.mark.timeout(1800)
def test_look_ups_of_prices_asked_together_are_those_of_each_alone(start_weir: StartWeir, plain: EmulatorProcess) -> None:
    direct = Direct(lambda: session_with(plain.url, "kept", "pricing"), tool="get_pricing")
    try:
        with emulator_process(1) as behind, start_weir(judged_configuration(behind.url, "kept", "pricing"), level="warning") as weir:
            weir.wait_for_tools("pricing", timeout=240)
            numbers = MergingProof(PriceSpace(SEED, families=20), direct, f"{weir.url}/mcp/pricing", behind.counts).run(range(BATCHES))
    finally:
        direct.close()
    print(numbers.table())
    assert numbers.differences == 0 and numbers.order_differences == 0, "\n".join(numbers.examples[:5])
    assert numbers.calls > 2 * BATCHES and numbers.throttled == 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["billing", "pricing"])
def test_a_server_that_keeps_its_clients_answers_as_the_real_one(plain: EmulatorProcess, name: str) -> None:
    space: Any = PriceSpace(SEED + 1, families=20) if name == "pricing" else QuestionSpace(SEED + 1, TODAY, Ledger(1), families=40)
    tool = PACKS[name][2]
    real, kept = session_with(plain.url, "real", name), session_with(plain.url, "kept", name)
    try:
        for question in [question for family in space.families for question in family[:3]]:
            right, got = Normal.of(real.call(tool, question)), Normal.of(kept.call(tool, question))
            assert right == got, f"{question}: {first_difference(right, got)}"
    finally:
        real.close()
        kept.close()


def response(amount: str = "1.50", keys: str = '"Keys":["a"],"Amount":', metadata: str = '{"RequestId":"1","HTTPHeaders":{"date":"now"}}') -> bytes:
    data = '{"Groups":[{' + keys + f'"{amount}"' + '}],"ResponseMetadata":' + metadata + "}"
    text = '{"status":"success","data":' + data + "}"
    return f'{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":{json.dumps(text)}}}],"structuredContent":{text}}}}}'.encode()


def test_what_differs_on_every_call_is_no_difference() -> None:
    assert Normal.of(response()) == Normal.of(response(metadata='{"RequestId":"2","RetryAttempts":1}'))
    assert "ResponseMetadata" not in Normal.of(response()).text + Normal.of(response()).structured


@pytest.mark.parametrize("other", [response(amount="1.5"), response(keys='"Keys":["b"],"Amount":'), response(keys='"Keys":[ "a"],"Amount":')])
def test_every_other_byte_is_a_difference(other: bytes) -> None:
    assert Normal.of(response()) != Normal.of(other)


def test_a_token_is_opaque_but_its_absence_is_a_difference() -> None:
    def paged(token: str) -> bytes:
        return response(keys=f'{token}"Keys":["a"],"Amount":')

    one, other = (Normal.of(paged(f'"NextPageToken":"{text}",')) for text in ("abc", "def"))
    assert one == other and (one.token, other.token) == ("abc", "def")
    assert one != Normal.of(response())


def test_members_in_another_order_are_told_apart_from_other_values() -> None:
    one, other = Normal("", '{"a":1,"b":[1,2]}', False, "{}"), Normal("", '{"b":[1,2],"a":1}', False, "{}")
    assert one != other and one.value() == other.value()
    assert one.value() != Normal("", '{"a":1,"b":[2,1]}', False, "{}").value()


def test_the_same_seed_asks_the_same_questions() -> None:
    spaces = [QuestionSpace(seed, date(2026, 11, 23), Ledger(1), families=10) for seed in (5, 5, 6)]
    batches = [[space.batch(number) for number in range(20)] for space in spaces]
    assert batches[0] == batches[1] != batches[2]
    sizes: list[Any] = [len(batch) for batch in batches[0]]
    assert min(sizes) >= 2 and max(sizes) <= 12
