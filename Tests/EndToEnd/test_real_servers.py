"""Weir in front of the real AWS servers: what the provider is asked, and what the client is told."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import UNHURRIED_BILLING, billing_url
from emulator import Emulator
from support.caller import Answer, Caller, question
from support.weir import Weir

pytestmark = pytest.mark.weir

UPSTREAMS = ["billing", "billing-http"]
PRICING = ["pricing", "pricing-http"]
ERAS = ["modern", "legacy"]


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=UPSTREAMS)
def upstream(request: pytest.FixtureRequest) -> str:
    return request.param


def costs(answer: Answer) -> dict[str, Any]:
    """The billing data of an answer, without what differs from call to call."""
    return {name: value for name, value in answer.data["data"].items() if name != "ResponseMetadata"}


def test_tools_carry_the_name_of_their_upstream(shared_weir: Weir, era: str) -> None:
    with shared_weir.caller(era=era) as caller:
        names = caller.names()
    assert {f"{name}__cost-explorer" for name in UPSTREAMS} | {f"{name}__get_pricing" for name in PRICING} <= set(names)
    assert len(names) == len(set(names)) == 47 + 47 + 9 + 9
    with shared_weir.caller(era=era) as caller:
        assert caller.names() == names


def test_an_upstream_alone_keeps_its_names_and_definitions(shared_weir: Weir, billing_http: str, era: str) -> None:
    with Caller(billing_http, era=era) as direct, shared_weir.caller("/mcp/billing-http", era=era) as through:
        expected, got = direct.tools(), through.tools()
    assert {tool["name"]: tool for tool in got} == {tool["name"]: tool for tool in expected}


def test_definitions_differ_from_the_upstreams_in_the_name_only(shared_weir: Weir) -> None:
    with shared_weir.caller() as all_tools, shared_weir.caller("/mcp/pricing") as own:
        prefixed = {tool["name"]: tool for tool in all_tools.tools()}
        for tool in own.tools():
            assert prefixed[f"pricing__{tool['name']}"] == tool | {"name": f"pricing__{tool['name']}"}


def test_the_second_person_gets_the_answer_from_memory(shared_weir: Weir, emulator: Emulator, upstream: str, era: str) -> None:
    asked = question()
    with shared_weir.caller(era=era) as first, shared_weir.caller(era=era) as second:
        one, two = first.call(f"{upstream}__cost-explorer", asked), second.call(f"{upstream}__cost-explorer", asked)
    assert (one.outcome, two.outcome) == ("miss", "hit_memory")
    assert emulator.received() == 1
    assert one.text == two.text and one.result["structuredContent"] == two.result["structuredContent"]
    assert two.provenance["upstreamRequestsSaved"] == 1 and two.provenance["costSavedUSD"] == 0.01


def test_the_answer_is_the_upstreams_own(shared_weir: Weir, emulator: Emulator, billing_http: str) -> None:
    asked = question()
    with Caller(billing_http) as direct, shared_weir.caller("/mcp/billing-http") as through:
        expected, missed, hit = direct.call("cost-explorer", asked), through.call("cost-explorer", asked), through.call("cost-explorer", asked)
    assert costs(missed) == costs(hit) == costs(expected)
    assert hit.data["status"] == "success" and hit.result.get("isError") is False


def test_both_eras_and_both_endpoints_share_one_entry(shared_weir: Weir, emulator: Emulator, upstream: str) -> None:
    asked = question()
    outcomes = []
    for path, tool in (("/mcp", f"{upstream}__cost-explorer"), (f"/mcp/{upstream}", "cost-explorer")):
        for era in ERAS:
            with shared_weir.caller(path, era=era) as caller:
                outcomes.append(caller.call(tool, asked).outcome)
    assert outcomes == ["miss"] + ["hit_memory"] * 3
    assert emulator.received() == 1


def test_arguments_as_json_text_or_as_values_are_one_question(shared_weir: Weir, emulator: Emulator, upstream: str) -> None:
    asked = question()
    as_text = {name: json.dumps(value) if name in ("metrics", "group_by", "filter") else value for name, value in asked.items()}
    reordered = {name: asked[name] for name in reversed(list(asked))}
    with shared_weir.caller(f"/mcp/{upstream}") as caller:
        answers = [caller.call("cost-explorer", arguments) for arguments in (asked, as_text, reordered)]
    assert [answer.outcome for answer in answers] == ["miss", "hit_memory", "hit_memory"]
    assert emulator.received() == 1


def test_different_questions_are_never_one(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    """Asked as they are: in wider terms one request may answer several of them."""
    base = question()
    others = [
        base,
        base | {"metrics": ["BlendedCost"]},
        base | {"granularity": "DAILY"},
        base | {"end_date": "2026-09-30"},
        base | {"group_by": [{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}]},
        base | {"filter": {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": ["111111111111"]}}},
        base | {"filter": {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": ["222222222222"]}}},
        # The same letters for a reader, other bytes: composed and decomposed.
        base | {"filter": {"Tags": {"Key": "team", "Values": ["gr\u00f6\u00dfe"]}}},
        base | {"filter": {"Tags": {"Key": "team", "Values": ["gro\u0308\u00dfe"]}}},
    ]
    configuration = {"providers": UNHURRIED_BILLING, "upstreams": {"b": billing_url(billing_http) | {"widen": False}}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("b")
        with weir.caller("/mcp/b") as caller:
            answers = [caller.call("cost-explorer", arguments) for arguments in others]
    assert [answer.outcome for answer in answers] == ["miss"] * len(others)
    assert emulator.received() == len(others)
    assert costs(answers[5]) != costs(answers[6]) and costs(answers[7]) != costs(answers[8])


def test_the_first_question_about_an_account_answers_for_all(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    """Regression of issue 3: asked in wider terms, with the same answers as in one's own."""
    base = question(granularity="DAILY", end_date="2026-09-08", group_by=None)
    accounts = ["111111111111", "222222222222", "333333333333"]
    asked = [base | {"filter": {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [account]}}} for account in accounts]
    upstream = billing_url(billing_http)
    configuration = {"providers": UNHURRIED_BILLING, "upstreams": {"wide": upstream, "narrow": upstream | {"widen": False}}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("wide", "narrow")
        with weir.caller("/mcp/wide") as caller:
            wide = [caller.call("cost-explorer", arguments) for arguments in asked]
        assert emulator.received() == 1
        with weir.caller("/mcp/narrow") as caller:
            narrow = [caller.call("cost-explorer", arguments) for arguments in asked]
    assert [answer.outcome for answer in wide] == ["miss", "buckets", "buckets"]
    assert [answer.text for answer in wide] == [answer.text for answer in narrow]
    assert emulator.received() == 1 + len(accounts)


@pytest.mark.parametrize("groups", [None, [{"Type": "DIMENSION", "Key": "SERVICE"}]])
def test_sums_are_made_where_the_operator_wants_them_and_say_so(start_weir: Any, billing_http: str, emulator: Emulator, redis: Any, groups: Any) -> None:
    """Issue 3: costs of two accounts together, out of those of each, which another upstream with the same Redis asks for."""
    # A day: of more, all accounts by service are not known to fit a page.
    base = question(granularity="DAILY", end_date="2026-09-02", group_by=groups)
    of_one, of_two = (
        base | {"filter": {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": accounts}}} for accounts in (["111111111111"], ["111111111111", "222222222222"])
    )
    upstream = billing_url(billing_http)

    def configuration(**options: Any) -> dict[str, Any]:
        return {"cache": {"redis": {"url": redis.url}}, "providers": UNHURRIED_BILLING, "upstreams": {"b": upstream | options}}

    with (
        start_weir(configuration(derive_sums=True)) as summing,
        start_weir(configuration(derive_sums=True)) as beside,
        start_weir(configuration()) as plain,
    ):
        for weir in (summing, beside, plain):
            weir.wait_for_tools("b")
        with summing.caller("/mcp/b") as caller:
            exact, derived, again = (caller.call("cost-explorer", arguments) for arguments in (of_one, of_two, of_two))
        with beside.caller("/mcp/b") as caller:
            # The wider answer, the first one, and the sum.
            redis.keys(3)
            found = caller.call("cost-explorer", of_two)
        assert emulator.received() == 1
        with plain.caller("/mcp/b") as caller:
            asked = caller.call("cost-explorer", of_two)
    assert [answer.outcome for answer in (exact, derived, again, found, asked)] == ["miss", "buckets", "hit_memory", "hit_redis", "miss"]
    assert [answer.result["_meta"].get("weir/derived") for answer in (exact, derived, again, found, asked)] == [None, True, True, True, None]
    # The emulator's amounts are not rounded, so that here their sums are its own.
    assert derived.text == again.text == found.text == asked.text and emulator.received() == 2


def test_fifty_at_once_are_one_request(shared_weir: Weir, emulator: Emulator, upstream: str) -> None:
    asked = question()
    emulator.set(hold=True)
    with shared_weir.caller(f"/mcp/{upstream}") as caller, ThreadPoolExecutor(50) as pool:
        calls = [pool.submit(caller.call, "cost-explorer", asked) for _ in range(50)]
        emulator.wait_for(1)
        emulator.set(hold=False)
        answers = [call.result(60) for call in calls]
    assert emulator.received() == 1
    assert len({answer.text for answer in answers}) == 1
    outcomes = [answer.outcome for answer in answers]
    # One call starts the flight; a call that arrives after it landed is a hit.
    assert outcomes.count("miss") == 1 and set(outcomes) <= {"miss", "coalesced", "hit_memory"} and "coalesced" in outcomes


def test_a_caller_who_leaves_disturbs_nobody(shared_weir: Weir, emulator: Emulator) -> None:
    asked = question()
    emulator.set(hold=True)
    with shared_weir.caller("/mcp/billing-http", timeout=1) as impatient, shared_weir.caller("/mcp/billing-http") as patient, ThreadPoolExecutor(2) as pool:
        leaving = pool.submit(impatient.call, "cost-explorer", asked)
        emulator.wait_for(1)
        staying = pool.submit(patient.call, "cost-explorer", asked)
        with pytest.raises(Exception, match="timed out"):
            leaving.result(30)
        emulator.set(hold=False)
        answer = staying.result(60)
    assert answer.outcome in ("coalesced", "miss", "hit_memory") and answer.data["status"] == "success"
    assert emulator.received() == 1


def test_answers_that_are_errors_are_not_kept(shared_weir: Weir, emulator: Emulator, upstream: str) -> None:
    backwards = question(start_date="2026-10-01", end_date="2026-09-01")
    with shared_weir.caller(f"/mcp/{upstream}") as caller:
        answers = [caller.call("cost-explorer", backwards) for _ in range(2)]
    assert all(answer.is_error and answer.data["error_type"] == "ValidationException" for answer in answers)
    assert [answer.outcome for answer in answers] == ["miss", "miss"]
    assert emulator.received() == 2


@pytest.mark.parametrize("pricing", PRICING)
@pytest.mark.parametrize(
    ("arguments", "error_type"),
    [
        ({"service_code": "AmazonEC2", "region": "eu-west-3"}, "empty_results"),
        ({"service_code": "AmazonNothing", "region": "us-east-1"}, "api_error"),
        ({"service_code": "AmazonEC2", "region": "us-east-1", "max_allowed_characters": 100}, "result_too_large"),
    ],
)
def test_error_shaped_bodies_that_do_not_say_so_are_not_kept(
    shared_weir: Weir, emulator: Emulator, pricing: str, arguments: dict[str, Any], error_type: str
) -> None:
    with shared_weir.caller(f"/mcp/{pricing}") as caller:
        answers = [caller.call("get_pricing", arguments) for _ in range(2)]
    # The pricing server calls these no errors: isError is false, only the body tells.
    assert all(not answer.is_error and answer.data["error_type"] == error_type for answer in answers)
    assert emulator.received("GetProducts") == 2


@pytest.mark.parametrize("pricing", PRICING)
def test_prices_are_kept(shared_weir: Weir, emulator: Emulator, pricing: str) -> None:
    asked = {"service_code": "AmazonS3", "region": ["us-east-1", "ap-southeast-2"]}
    with shared_weir.caller() as caller:
        answers = [caller.call(f"{pricing}__get_pricing", asked) for _ in range(3)]
        lists = [caller.call(f"{pricing}__get_pricing_attribute_values", {"service_code": "AmazonRDS", "attribute_names": ["instanceType"]}) for _ in range(2)]
    assert [answer.outcome for answer in answers] == ["miss", "hit_memory", "hit_memory"]
    assert emulator.received("GetProducts") == 1
    assert [answer.outcome for answer in lists] == ["miss", "hit_memory"]
    assert answers[0].result["structuredContent"] == answers[2].result["structuredContent"]


def test_answers_of_one_process_are_passed_through(shared_weir: Weir, emulator: Emulator, upstream: str) -> None:
    with shared_weir.caller(f"/mcp/{upstream}") as caller:
        answers = [caller.call("session-sql", {"query": "SELECT random() AS chance"}) for _ in range(2)]
    assert [answer.outcome for answer in answers] == ["bypass", "bypass"]
    assert answers[0].data["results"] != answers[1].data["results"]


def test_later_pages_are_passed_through(shared_weir: Weir, emulator: Emulator) -> None:
    asked = question()
    emulator.set(page_size=2)
    with shared_weir.caller("/mcp/billing-http") as caller:
        token = caller.call("cost-explorer", asked).data["data"]["NextPageToken"]
        pages = [caller.call("cost-explorer", asked | {"next_token": token}) for _ in range(2)]
    assert [page.outcome for page in pages] == ["bypass", "bypass"]


def test_a_reply_that_lives_in_one_process_is_not_kept(start_weir: Any, cloud: Emulator, emulator: Emulator) -> None:
    """Regression of issue 2: above MCP_SQL_THRESHOLD the billing server answers with the name of a table of its own process."""
    from conftest import billing_stdio
    from support.paths import aws_environment

    upstream = billing_stdio(cloud, environment=aws_environment(cloud.url) | {"MCP_SQL_THRESHOLD": "100"}) | {"widen": False}
    with start_weir({"providers": UNHURRIED_BILLING, "upstreams": {"small": upstream}}) as weir:
        weir.wait_for_tools("small")
        asked = question()
        with weir.caller() as caller:
            answers = [caller.call("small__cost-explorer", asked) for _ in range(2)]
    assert all(answer.data["data"]["data_stored"] for answer in answers)
    assert emulator.received() == 2


def test_unknown_dates_are_made_explicit(shared_weir: Weir, emulator: Emulator) -> None:
    asked = question()
    del asked["start_date"], asked["end_date"]
    with shared_weir.caller("/mcp/billing-http") as caller:
        answers = [caller.call("cost-explorer", asked) for _ in range(2)]
    assert [answer.outcome for answer in answers] == ["miss", "hit_memory"]
    period = emulator.controls.log[0]["request"]["TimePeriod"]
    assert set(period) == {"Start", "End"} and emulator.received() == 1


def test_the_open_month_is_fresh_for_hours_and_a_closed_one_for_days(shared_weir: Weir, emulator: Emulator) -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    # A month and a half back is closed on every day of the year but the first ones of a month; four months back always is.
    long_ago = (now.date().replace(day=1) - timedelta(days=100)).replace(day=1)
    closed = question(start_date=long_ago.isoformat(), end_date=(long_ago + timedelta(days=20)).isoformat())
    recent = question(start_date=(now.date() - timedelta(days=3)).isoformat(), end_date=now.date().isoformat(), granularity="DAILY")
    with shared_weir.caller("/mcp/billing-http") as caller:
        until = {}
        for name, asked in (("closed", closed), ("open", recent)):
            caller.call("cost-explorer", asked)
            until[name] = datetime.fromisoformat(caller.call("cost-explorer", asked).provenance["freshUntil"]) - now
    assert until["closed"] > timedelta(days=6)
    assert timedelta(0) < until["open"] <= timedelta(hours=12, minutes=1)


def test_rules_of_the_operator_come_before_the_packs(start_weir: Any, billing_http: str, emulator: Emulator) -> None:
    rules = [{"tool": "cost-explorer", "never": True}]
    with start_weir({"providers": UNHURRIED_BILLING, "upstreams": {"b": billing_url(billing_http, cache=rules)}}) as weir:
        weir.wait_for_tools("b")
        asked = question()
        with weir.caller() as caller:
            assert [caller.call("b__cost-explorer", asked).outcome for _ in range(2)] == ["bypass", "bypass"]
    assert emulator.received() == 2
