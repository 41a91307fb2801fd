"""A provider that says no, and one that says nothing."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import billing_url
from emulator import Emulator
from support.caller import question
from support.weir import UNHURRIED

pytestmark = pytest.mark.weir


def test_a_throttled_answer_is_an_error_that_nobody_keeps(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    providers = {"aws-cost-explorer": UNHURRIED}
    with start_weir({"providers": providers, "upstreams": {"b": billing_url(billing_http)}}) as weir:
        weir.wait_for_tools("b")
        asked = question()
        with weir.caller() as caller:
            emulator.set(throttle={"probability": 1})
            refused = caller.call("b__cost-explorer", asked)
            assert refused.is_error, refused
            sent = emulator.received()
            # The server tries four times by itself.
            assert sent == 4
            emulator.reset()

            # The bucket was pushed forward: the next question waits for it, or is told when to come again, and the provider rests meanwhile.
            began = time.monotonic()
            again = caller.call("b__cost-explorer", asked)
            waited = time.monotonic() - began
            if again.is_error:
                assert again.outcome == "refused" and emulator.received() == 0
                assert any(word in again.text.lower() for word in ("try again", "retry", "again in")), again.text
            else:
                assert waited > 0.5, f"the provider was asked again at once, after {waited:.2f} s"
                assert again.outcome == "miss" and emulator.received() == 1


def test_a_rate_is_kept_over_all_callers(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    providers = {"aws-cost-explorer": {"rate": "4/s", "burst": 2}}
    with start_weir({"providers": providers, "upstreams": {"b": billing_url(billing_http)}}) as weir:
        weir.wait_for_tools("b")
        with weir.caller() as caller, ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: caller.call("b__cost-explorer", question()), range(8)))
    assert [answer.outcome for answer in answers] == ["miss"] * 8
    times = sorted(record["at"] for record in emulator.controls.log)
    assert len(times) == 8
    # Two at once, the other six a quarter of a second apart. The billing server itself only makes them later, never earlier.
    assert times[-1] - times[0] >= 6 * 0.25 - 0.3


def test_a_budget_ends_and_says_so(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    providers = {"aws-cost-explorer": UNHURRIED | {"budget": "2/day"}}
    with start_weir({"providers": providers, "upstreams": {"b": billing_url(billing_http)}}) as weir:
        weir.wait_for_tools("b")
        kept = question()
        with weir.caller() as caller:
            spent = [caller.call("b__cost-explorer", kept), caller.call("b__cost-explorer", question())]
            over = caller.call("b__cost-explorer", question())
            hit = caller.call("b__cost-explorer", kept)
    assert [answer.outcome for answer in spent] == ["miss", "miss"]
    assert over.is_error and over.outcome == "refused" and "budget" in over.text.lower()
    assert hit.outcome == "hit_memory"
    assert emulator.received() == 2


def test_a_provider_that_never_answers_frees_the_question(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    upstream = billing_url(billing_http, call_timeout="2s")
    with start_weir({"providers": {"aws-cost-explorer": UNHURRIED}, "upstreams": {"b": upstream}}) as weir:
        weir.wait_for_tools("b")
        asked = question()
        with weir.caller() as caller:
            emulator.set(hold=True)
            began = time.monotonic()
            late = caller.call("b__cost-explorer", asked)
            assert late.is_error and 1.5 < time.monotonic() - began < 10, late
            emulator.set(hold=False)
            assert caller.call("b__cost-explorer", asked).outcome == "miss"
