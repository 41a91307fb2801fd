"""The emulator itself: what the other tests believe must hold first."""

import json
import urllib.error
import urllib.request
from decimal import Decimal
from typing import Any

import pytest

from emulator import Emulator
from emulator.ledger import METRICS

CLOSED = {"TimePeriod": {"Start": "2026-09-01", "End": "2026-10-01"}, "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"]}
SERVICE = {"Type": "DIMENSION", "Key": "SERVICE"}
ACCOUNT = {"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}
TEAM = {"Type": "TAG", "Key": "team"}


@pytest.fixture
def today(emulator: Emulator) -> Emulator:
    emulator.set(today="2026-11-23")
    return emulator


def ask(emulator: Emulator, request: dict[str, Any], target: str = "AWSInsightsIndexService.GetCostAndUsage") -> dict[str, Any]:
    return answer(emulator, request, target)[1]


def answer(emulator: Emulator, request: dict[str, Any], target: str = "AWSInsightsIndexService.GetCostAndUsage") -> tuple[int, dict[str, Any]]:
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    try:
        with urllib.request.urlopen(urllib.request.Request(emulator.url, json.dumps(request).encode(), headers)) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def total(reply: dict[str, Any], metric: str = "UnblendedCost") -> Decimal:
    """The sum over all buckets, of totals or of groups."""
    amounts = []
    for entry in reply["ResultsByTime"]:
        rows = [group["Metrics"] for group in entry["Groups"]] or [entry["Total"]]
        amounts += [Decimal(row[metric]["Amount"]) for row in rows if row]
    return sum(amounts, Decimal(0))


@pytest.mark.parametrize("groups", [[SERVICE], [ACCOUNT], [TEAM], [SERVICE, ACCOUNT], [TEAM, {"Type": "COST_CATEGORY", "Key": "Stage"}]])
def test_groups_add_up_to_the_total(today: Emulator, groups: list[dict[str, str]]) -> None:
    for metric in METRICS:
        request = CLOSED | {"Metrics": [metric]}
        whole = total(ask(today, request), metric)
        assert whole > 0
        assert total(ask(today, request | {"GroupBy": groups}), metric) == whole


def test_days_add_up_to_the_month(today: Emulator) -> None:
    days = ask(today, CLOSED | {"Granularity": "DAILY"})
    assert len(days["ResultsByTime"]) == 30
    assert total(days) == total(ask(today, CLOSED))


def test_a_filter_and_its_opposite_add_up_to_the_total(today: Emulator) -> None:
    whole = total(ask(today, CLOSED))
    for leaf in (
        {"Dimensions": {"Key": "SERVICE", "Values": ["AWS Lambda", "EC2 - Other"]}},
        {"Tags": {"Key": "team", "MatchOptions": ["ABSENT"]}},
        {"Tags": {"Key": "team", "Values": ["größe"]}},
        {"CostCategories": {"Key": "Stage", "Values": ["Production"]}},
        {"Dimensions": {"Key": "USAGE_TYPE", "Values": ["BoxUsage"], "MatchOptions": ["STARTS_WITH"]}},
        {"And": [{"Dimensions": {"Key": "REGION", "Values": ["us-east-1"]}}, {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": ["111111111111"]}}]},
        {"Or": [{"Dimensions": {"Key": "REGION", "Values": ["us-east-1"]}}, {"Tags": {"Key": "env", "Values": ["prod"]}}]},
    ):
        part, rest = total(ask(today, CLOSED | {"Filter": leaf})), total(ask(today, CLOSED | {"Filter": {"Not": leaf}}))
        assert 0 < part < whole, leaf
        assert part + rest == whole, leaf


def test_union_of_accounts_grouped_by_account_is_what_each_account_alone_is(today: Emulator) -> None:
    merged = ask(today, CLOSED | {"GroupBy": [ACCOUNT]})["ResultsByTime"][0]["Groups"]
    for group in merged:
        alone = ask(today, CLOSED | {"Filter": {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": group["Keys"]}}})
        assert alone["ResultsByTime"][0]["Total"] == group["Metrics"]


def test_pages_are_the_whole_and_belong_to_their_request(today: Emulator) -> None:
    request = CLOSED | {"GroupBy": [SERVICE, ACCOUNT], "Granularity": "DAILY"}
    whole = total(ask(today, request))
    today.set(page_size=7)
    pages, token = [], None
    while not pages or token:
        pages.append(ask(today, request | ({"NextPageToken": token} if token else {})))
        token = pages[-1].get("NextPageToken")
    assert len(pages) > 10
    assert sum((total(page) for page in pages), Decimal(0)) == whole
    token = pages[0]["NextPageToken"]
    assert answer(today, CLOSED | {"NextPageToken": token})[1]["__type"] == "RequestChangedException"
    assert answer(today, request | {"NextPageToken": "nonsense"})[1]["__type"] == "InvalidNextTokenException"


def test_shapes_of_grouped_and_ungrouped_answers(today: Emulator) -> None:
    ungrouped, grouped = ask(today, CLOSED), ask(today, CLOSED | {"GroupBy": [TEAM]})
    assert ungrouped["ResultsByTime"][0]["Groups"] == [] and "GroupDefinitions" not in ungrouped
    assert grouped["ResultsByTime"][0]["Total"] == {} and grouped["GroupDefinitions"] == [TEAM]
    keys = [group["Keys"][0] for group in grouped["ResultsByTime"][0]["Groups"]]
    assert "team$" in keys and "team$größe" in keys
    nothing = {"Dimensions": {"Key": "SERVICE", "Values": ["None such"]}}
    assert ask(today, CLOSED | {"Filter": nothing})["ResultsByTime"][0]["Total"] == {"UnblendedCost": {"Amount": "0", "Unit": "USD"}}
    assert ask(today, CLOSED | {"Filter": nothing, "GroupBy": [TEAM]})["ResultsByTime"][0]["Groups"] == []


def test_the_open_month_is_estimated(today: Emulator) -> None:
    reply = ask(today, CLOSED | {"TimePeriod": {"Start": "2026-09-01", "End": "2026-11-20"}})
    assert [entry["Estimated"] for entry in reply["ResultsByTime"]] == [False, False, True]
    assert [entry["TimePeriod"]["End"] for entry in reply["ResultsByTime"]] == ["2026-10-01", "2026-11-01", "2026-11-20"]


@pytest.mark.parametrize(
    "change",
    [
        {"TimePeriod": {"Start": "2026-10-01", "End": "2026-09-01"}},
        {"TimePeriod": {"Start": "yesterday", "End": "2026-09-01"}},
        {"TimePeriod": {"Start": "2020-01-01", "End": "2020-02-01"}},
        {"Metrics": []},
        {"Metrics": ["Cost"]},
        {"GroupBy": [SERVICE, ACCOUNT, TEAM]},
        {"GroupBy": [{"Type": "DIMENSION", "Key": "COLOUR"}]},
        {"Granularity": "HOURLY"},
        {"Filter": {"And": [{"Not": {}}]}},
        {"Filter": {"Dimensions": {"Key": "SERVICE"}}},
        {"Filter": {"Dimensions": {"Key": "SERVICE", "Values": ["a"]}, "Tags": {"Key": "team", "Values": ["b"]}}},
    ],
)
def test_bad_requests_are_refused(today: Emulator, change: dict[str, Any]) -> None:
    status, reply = answer(today, CLOSED | change)
    assert (status, reply["__type"]) == (400, "ValidationException")


def test_lists_and_forecasts(today: Emulator) -> None:
    period = {"TimePeriod": CLOSED["TimePeriod"]}
    accounts = ask(today, period | {"Dimension": "LINKED_ACCOUNT"}, "AWSInsightsIndexService.GetDimensionValues")
    assert [value["Value"] for value in accounts["DimensionValues"]] == ["111111111111", "222222222222", "333333333333"]
    assert ask(today, period, "AWSInsightsIndexService.GetTags")["Tags"] == ["env", "team"]
    assert "größe" in ask(today, period | {"TagKey": "team"}, "AWSInsightsIndexService.GetTags")["Tags"]
    assert ask(today, period, "AWSInsightsIndexService.GetCostCategories")["CostCategoryNames"] == ["Stage"]
    ahead = {"TimePeriod": {"Start": "2026-12-01", "End": "2027-01-01"}, "Metric": "UNBLENDED_COST", "Granularity": "MONTHLY"}
    forecast = ask(today, ahead, "AWSInsightsIndexService.GetCostForecast")
    assert forecast["Total"]["Amount"] == forecast["ForecastResultsByTime"][0]["MeanValue"]
    status, _ = answer(today, ahead | {"TimePeriod": {"Start": "2026-10-01", "End": "2026-11-01"}}, "AWSInsightsIndexService.GetCostForecast")
    assert status == 400


def test_products_are_filtered_paged_and_strings(today: Emulator) -> None:
    def products(filters: list[tuple[str, str, str]], **more: Any) -> list[dict[str, Any]]:
        request = {"ServiceCode": "AmazonEC2", "Filters": [{"Field": field, "Type": kind, "Value": value} for field, kind, value in filters]}
        reply = ask(today, request | more, "AWSPriceListService.GetProducts")
        return [json.loads(text) for text in reply["PriceList"]]

    assert len(products([])) == 9
    assert len(products([("regionCode", "EQUALS", "us-east-1")])) == 3
    assert len(products([("regionCode", "TERM_MATCH", "us-east-1"), ("operatingSystem", "NONE_OF", "Windows")])) == 2
    assert len(products([("regionCode", "ANY_OF", "us-east-1, eu-central-1")])) == 6
    assert len(products([("instanceType", "CONTAINS", "m5")])) == 6
    assert len(products([], MaxResults=2)) == 2
    assert answer(today, {"ServiceCode": "AmazonNothing"}, "AWSPriceListService.GetProducts")[1]["__type"] == "NotFoundException"


def test_throttling_and_the_count_of_requests(today: Emulator) -> None:
    today.set(throttle=2)
    replies = [answer(today, CLOSED) for _ in range(3)]
    assert [status for status, _ in replies] == [400, 400, 200]
    assert replies[0][1]["__type"] == "LimitExceededException"
    with urllib.request.urlopen(f"{today.url}/requests") as reply:
        counted = json.loads(reply.read())
    assert counted["received"] == {"GetCostAndUsage": 3} and counted["answered"] == {"GetCostAndUsage": 1}


def test_the_same_seed_is_the_same_ledger() -> None:
    ledgers = [Emulator(seed=seed) for seed in (7, 7, 8)]
    for emulator in ledgers:
        emulator.start()
    sums = [total(ask(emulator, CLOSED)) for emulator in ledgers]
    for emulator in ledgers:
        emulator.stop()
    assert sums[0] == sums[1] != sums[2]
