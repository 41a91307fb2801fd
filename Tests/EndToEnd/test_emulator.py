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


@pytest.mark.parametrize("groups", [[], [SERVICE], [TEAM, ACCOUNT]])
def test_a_slice_of_a_larger_answer_is_the_smaller_one(today: Emulator, groups: list[dict[str, str]]) -> None:
    """Of metrics, of days, and of whole months; a month that is cut is another bucket."""
    some = {"TimePeriod": {"Start": "2026-09-10", "End": "2026-09-20"}, "Granularity": "DAILY", "GroupBy": groups}
    more = ask(today, some | {"Metrics": METRICS})["ResultsByTime"]
    fewer = ask(today, some | {"Metrics": ["UsageQuantity", "BlendedCost"], "TimePeriod": {"Start": "2026-09-12", "End": "2026-09-15"}})["ResultsByTime"]
    assert len(fewer) == 3
    for large, small in zip(more[2:5], fewer, strict=True):
        for part in [large["Total"], *(group["Metrics"] for group in large["Groups"])]:
            for metric in set(part) - {"UsageQuantity", "BlendedCost"}:
                del part[metric]
        assert large == small
    months = ask(today, CLOSED | {"GroupBy": groups, "TimePeriod": {"Start": "2026-07-01", "End": "2026-11-01"}})["ResultsByTime"]
    assert [months[2]] == ask(today, CLOSED | {"GroupBy": groups})["ResultsByTime"]
    cut = ask(today, CLOSED | {"GroupBy": groups, "TimePeriod": {"Start": "2026-09-11", "End": "2026-10-05"}})["ResultsByTime"]
    assert [entry["TimePeriod"]["Start"] for entry in cut] == ["2026-09-11", "2026-10-01"] and cut[0] != months[2]


def test_hours_add_up_to_the_day(today: Emulator) -> None:
    hours = {"TimePeriod": {"Start": "2026-11-18T00:00:00Z", "End": "2026-11-19T00:00:00Z"}, "Granularity": "HOURLY", "GroupBy": [SERVICE]}
    day = {"TimePeriod": {"Start": "2026-11-18", "End": "2026-11-19"}, "Granularity": "DAILY", "GroupBy": [SERVICE]}
    reply = ask(today, CLOSED | hours)
    assert [entry["TimePeriod"]["Start"] for entry in reply["ResultsByTime"]] == [f"2026-11-18T{hour:02d}:00:00Z" for hour in range(24)]
    assert reply["ResultsByTime"][23]["TimePeriod"]["End"] == "2026-11-19T00:00:00Z"
    assert total(reply) == total(ask(today, CLOSED | day)) > 0
    for start, end in (("2026-11-08T00:00:00Z", "2026-11-08T01:00:00Z"), ("2026-11-18", "2026-11-19"), ("2026-11-18T00:30:00Z", "2026-11-18T01:00:00Z")):
        assert answer(today, CLOSED | hours | {"TimePeriod": {"Start": start, "End": end}})[1]["__type"] == "ValidationException"
    assert answer(today, CLOSED | day | {"TimePeriod": hours["TimePeriod"]})[0] == 400


def test_numbers_arrive_late_and_do_not_change_once_they_are_final(today: Emulator) -> None:
    def seen(now: str, start: str = "2026-10-28", end: str = "2026-10-29") -> dict[str, Any]:
        today.set(today=now)
        return ask(today, CLOSED | {"Granularity": "DAILY", "TimePeriod": {"Start": start, "End": end}, "GroupBy": [SERVICE, TEAM]})["ResultsByTime"][0]

    days = [seen(f"2026-{day}") for day in ("10-28", "10-29", "10-30", "10-31", "11-01", "11-05", "11-06", "11-07", "11-23")]
    assert days[0]["Groups"] == []
    totals = [total({"ResultsByTime": [entry]}) for entry in days]
    assert totals[1] < totals[2] < totals[3] == totals[4] == totals[5]
    assert len(days[1]["Groups"]) < len(days[2]["Groups"])
    assert totals[6] != totals[5]
    assert days[6] == days[7] == days[8]
    assert [entry["Estimated"] for entry in days] == [True] * 6 + [False] * 3


def test_corrections_count_from_their_date_on(today: Emulator) -> None:
    day = CLOSED | {"TimePeriod": {"Start": "2026-11-10", "End": "2026-11-11"}, "Granularity": "DAILY", "GroupBy": [ACCOUNT]}
    before = ask(today, day)["ResultsByTime"][0]["Groups"]
    late = {"day": "2026-11-10", "from": "2026-11-24", "account": "222222222222", "amount": 10**10}
    today.set(corrections=[late])
    assert ask(today, day)["ResultsByTime"][0]["Groups"] == before
    today.set(today="2026-11-24")
    after = ask(today, day)["ResultsByTime"][0]["Groups"]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]
    today.set(corrections=[])
    assert ask(today, day)["ResultsByTime"][0]["Groups"] == before


def test_missing_empty_and_alike_values_of_a_tag(today: Emulator) -> None:
    def of(leaf: dict[str, Any]) -> Decimal:
        return total(ask(today, CLOSED | {"Filter": {"Tags": {"Key": "team", **leaf}}}))

    groups = {group["Keys"][0]: group["Metrics"] for group in ask(today, CLOSED | {"GroupBy": [TEAM]})["ResultsByTime"][0]["Groups"]}
    assert {"team$", "team$search", "team$Search", "team$a$b", "team$gr\u00f6\u00dfe", "team$gro\u0308\u00dfe"} <= set(groups)
    # The group without a value has the lines without the tag and those with an empty one.
    assert 0 < of({"MatchOptions": ["ABSENT"]}) < of({"Values": [""]}) == Decimal(groups["team$"]["UnblendedCost"]["Amount"])
    assert of({"MatchOptions": ["ABSENT"]}) == of({"Values": []})
    assert of({"Values": ["search"]}) + of({"Values": ["Search"]}) == of({"Values": ["SEARCH"], "MatchOptions": ["EQUALS", "CASE_INSENSITIVE"]})
    assert of({"Values": ["sea", "a$"], "MatchOptions": ["STARTS_WITH"]}) == of({"Values": ["search", "a$b"]})
    assert of({"Values": ["search"], "MatchOptions": ["EQUALS", "CASE_SENSITIVE"]}) == of({"Values": ["search", "search"]})


def test_nested_filters_keep_the_laws_of_logic(today: Emulator) -> None:
    a, b, c = (
        {"Dimensions": {"Key": "REGION", "Values": ["us-east-1"]}},
        {"Tags": {"Key": "team", "Values": ["checkout", ""]}},
        {"CostCategories": {"Key": "Stage", "MatchOptions": ["ABSENT"]}},
    )

    def of(expression: dict[str, Any]) -> list[Any]:
        return ask(today, CLOSED | {"Filter": expression, "GroupBy": [SERVICE, ACCOUNT]})["ResultsByTime"]

    assert of({"Not": {"Or": [a, b]}}) == of({"And": [{"Not": a}, {"Not": b}]}) != of({"Or": [a, b]})
    assert of({"And": [a, {"Or": [b, c]}]}) == of({"Or": [{"And": [a, b]}, {"And": [c, a]}]})
    assert of({"Not": {"Not": c}}) == of(c)


def test_a_page_goes_on_in_the_bucket_where_the_one_before_it_ended(today: Emulator) -> None:
    request = CLOSED | {"GroupBy": [ACCOUNT, SERVICE], "TimePeriod": {"Start": "2026-09-01", "End": "2026-11-01"}}
    whole = ask(today, request)
    today.set(page_size=5)
    token, pages = None, []
    while not pages or token:
        pages.append(ask(today, request | ({"NextPageToken": token} if token else {})))
        token = pages[-1].get("NextPageToken")
    starts = [[entry["TimePeriod"]["Start"] for entry in page["ResultsByTime"]] for page in pages]
    assert all(starts) and sum(map(len, starts)) > 2, "a bucket stands on more than one page"
    for number, entry in enumerate(whole["ResultsByTime"]):
        parts = [part for page in pages for part in page["ResultsByTime"] if part["TimePeriod"] == entry["TimePeriod"]]
        assert [group for part in parts for group in part["Groups"]] == entry["Groups"], number
    assert all(page["GroupDefinitions"] == request["GroupBy"] for page in pages)
    accounts = {group["Keys"][0] for entry in pages[0]["ResultsByTime"] for group in entry["Groups"]}
    assert [entry["Value"] for entry in pages[0]["DimensionValueAttributes"]] == sorted(accounts) != [
        entry["Value"] for entry in whole["DimensionValueAttributes"]
    ]


def test_units_of_usage_agree_or_are_not_told(today: Emulator) -> None:
    request = CLOSED | {"Metrics": ["UsageQuantity", "UnblendedCost", "NormalizedUsageAmount"], "GroupBy": [{"Type": "DIMENSION", "Key": "USAGE_TYPE"}]}
    groups = ask(today, request)["ResultsByTime"][0]["Groups"]
    units = {group["Keys"][0]: [part["Unit"] for part in group["Metrics"].values()] for group in groups}
    assert units["BoxUsage:m5.large"] == ["N/A", "USD", "Hrs"]
    assert list(groups[0]["Metrics"]) == ["NormalizedUsageAmount", "UnblendedCost", "UsageQuantity"]
    nothing = {"Filter": {"Dimensions": {"Key": "SERVICE", "Values": ["None such"]}}, "GroupBy": []}
    assert ask(today, request | nothing)["ResultsByTime"][0]["Total"] == {
        "NormalizedUsageAmount": {"Amount": "0", "Unit": "N/A"},
        "UnblendedCost": {"Amount": "0", "Unit": "USD"},
        "UsageQuantity": {"Amount": "0", "Unit": "N/A"},
    }
    # What is free has rows; what is a credit is negative.
    amounts = {group["Keys"][0]: group["Metrics"]["UnblendedCost"]["Amount"] for group in groups}
    assert amounts["us-KMS-Requests"] == "0" and amounts["Credit-fee"].startswith("-") and amounts["Request"].startswith("0.0000")


def test_a_billing_view_shows_its_accounts_only(today: Emulator) -> None:
    view = "arn:aws:billing::111111111111:billingview/"
    assert ask(today, CLOSED | {"BillingViewArn": view + "primary"}) == ask(today, CLOSED)
    alone = ask(today, CLOSED | {"Filter": {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": ["333333333333"]}}})
    assert ask(today, CLOSED | {"BillingViewArn": view + "custom-333333333333"}) == alone
    assert answer(today, CLOSED | {"BillingViewArn": view + "custom-999"})[1]["__type"] == "ResourceNotFoundException"


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


def test_more_than_the_rate_is_throttled(today: Emulator) -> None:
    today.set(rate=4)
    statuses = [answer(today, CLOSED)[0] for _ in range(12)]
    assert statuses[:4] == [200] * 4 and statuses.count(400) >= 6
    today.set(rate=None)
    assert answer(today, CLOSED)[0] == 200


def test_pages_and_buckets_are_counted(today: Emulator) -> None:
    today.set(page_size=3)
    token = ask(today, CLOSED | {"GroupBy": [SERVICE]})["NextPageToken"]
    ask(today, CLOSED | {"GroupBy": [SERVICE], "NextPageToken": token})
    ask(today, CLOSED | {"Granularity": "DAILY"})
    with urllib.request.urlopen(f"{today.url}/counts") as reply:
        counts = json.loads(reply.read())
    assert counts["answered"] == {"GetCostAndUsage": 3} and counts["later_pages"] == {"GetCostAndUsage": 1} and counts["throttled"] == {}
    assert counts["buckets"] == {"GetCostAndUsage": 5}
    with urllib.request.urlopen(urllib.request.Request(f"{today.url}/forget", b"")):
        assert today.received() == 0 and today.cost_explorer.page_size == 3


def test_the_same_seed_is_the_same_ledger() -> None:
    ledgers = [Emulator(seed=seed) for seed in (7, 7, 8)]
    for emulator in ledgers:
        emulator.start()
    sums = [total(ask(emulator, CLOSED)) for emulator in ledgers]
    for emulator in ledgers:
        emulator.stop()
    assert sums[0] == sums[1] != sums[2]
