"""AWSInsightsIndexService: the operations of Cost Explorer that the tests need, evaluated over the ledger."""

import json
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from .errors import ServiceError, invalid
from .expression import compile_filter, lookup
from .ledger import ACCOUNTS, COST_METRICS, METRICS, Ledger, Line, is_final, rounded, text
from .paging import offset_of, token_for
from .periods import Bucket, parse_period, split

Request = dict[str, Any]
Reply = dict[str, Any]

_GROUP_ROOTS = {"DIMENSION": "Dimensions", "TAG": "Tags", "COST_CATEGORY": "CostCategories"}


class CostExplorer:
    """One method an operation, named as on the wire. `today` decides what is estimated and where forecasts begin; `page_size` counts rows."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.today = date.today()
        self.page_size = 1000
        # Behind the point, of which the ledger has ten.
        self.digits = 10
        self._pages: dict[str, list[tuple[Bucket, Reply]]] = {}
        self._cells: dict[tuple[int, Bucket, str, int], int | None] = {}
        self._cells_of: list[tuple[int, int, str | None, int]] = []

    # Costs

    def GetCostAndUsage(self, request: Request) -> Reply:
        if any(self._group_key(group)[1] == "RESOURCE_ID" for group in request.get("GroupBy") or []):
            raise invalid("Group by RESOURCE_ID is only supported by GetCostAndUsageWithResources.")
        return self._costs(request)

    def GetCostAndUsageWithResources(self, request: Request) -> Reply:
        if "Filter" not in request:
            raise invalid("Filter is required.")
        if parse_period(request.get("TimePeriod")).start < self.today - timedelta(days=14):
            raise invalid("Data with resources is available for the last 14 days only.")
        return self._costs(request)

    def _costs(self, request: Request) -> Reply:
        buckets = split(request.get("TimePeriod"), request.get("Granularity", "MONTHLY"))
        self._refuse_what_is_not_kept(buckets[0])
        metrics = request.get("Metrics") or []
        if not metrics or not set(metrics) <= set(METRICS):
            raise invalid(f"Metrics must be some of: {', '.join(METRICS)}.")
        groups = [self._group_key(group) for group in request.get("GroupBy") or []]
        if len(groups) > 2 or len(groups) != len(set(groups)):
            raise invalid("Group by supports up to 2 groups, each another.")
        offset = offset_of(request)
        rows = self._kept_rows(request, buckets, groups, sorted(set(metrics)))
        page = rows[offset : offset + self.page_size]
        reply: Reply = {"ResultsByTime": self._by_time(page, grouped=bool(groups)), "DimensionValueAttributes": []}
        if groups:
            reply["GroupDefinitions"] = request["GroupBy"]
            reply["DimensionValueAttributes"] = self._attributes(groups, page)
        if offset + self.page_size < len(rows):
            reply["NextPageToken"] = token_for(request, offset + self.page_size)
        return reply

    def _kept_rows(self, request: Request, buckets: list[Bucket], groups: list[tuple[str, str]], metrics: list[str]) -> list[tuple[Bucket, Reply]]:
        """The rows of all pages; those of the last requests are kept, since every page is a request."""
        asked = {name: value for name, value in request.items() if name != "NextPageToken"}
        key = json.dumps([asked, self.today.toordinal(), self.ledger.corrections, self.digits])
        rows = self._pages.get(key)
        if rows is None:
            lines, today = self._lines(request), self.today.toordinal()
            rows = [(bucket, row) for bucket in buckets for row in self._rows(bucket, lines, groups, metrics, today)]
            if len(self._pages) >= 16:
                self._pages.pop(next(iter(self._pages)), None)
            self._pages[key] = rows
        return rows

    def _lines(self, request: Request) -> list[Line]:
        """What the filter and the billing view let through."""
        passes, scope = compile_filter(request.get("Filter")), view_of(request)
        return [line for line in self.ledger.lines if (scope is None or line.dimensions["LINKED_ACCOUNT"] == scope) and passes(line)]

    def _rows(self, bucket: Bucket, lines: list[Line], groups: list[tuple[str, str]], metrics: list[str], today: int) -> list[Reply]:
        """The groups of a bucket; a bucket without groups still gives one row, so that it appears in the answer."""
        members: dict[tuple[str, ...], list[Line]] = defaultdict(list)
        for line in lines:
            if self._cell(line, bucket, metrics[0], today) is not None:
                members[tuple(self._group_value(line, group) for group in groups)].append(line)
        if not groups:
            return [{"Metrics": self._sums(bucket, members[()], metrics, today)}]
        if not members:
            return [{}]
        return [{"Keys": list(keys), "Metrics": self._sums(bucket, members[keys], metrics, today)} for keys in sorted(members)]

    def _sums(self, bucket: Bucket, lines: list[Line], metrics: list[str], today: int) -> dict[str, dict[str, str]]:
        """The sums over lines that have rows in the bucket, by the names of the metrics."""
        return {
            metric: {"Amount": text(rounded(sum(self._cell(line, bucket, metric, today) or 0 for line in lines), self.digits)), "Unit": unit(lines, metric)}
            for metric in metrics
        }

    def _cell(self, line: Line, bucket: Bucket, metric: str, today: int) -> int | None:
        """What one line cost in one bucket; None where it has no row there."""
        key = (line.number, bucket, metric, today)
        if self._cells_of != self.ledger.corrections or len(self._cells) > 2_000_000:
            self._cells, self._cells_of = {}, list(self.ledger.corrections)
        cells = self._cells
        if key not in cells:
            known = [amount for day in bucket.ordinals() if (amount := self.ledger.amount(line, day, metric, today)) is not None]
            whole = sum(known) if known else None
            if whole is not None and bucket.hours is not None:
                share, rest = divmod(whole, 24)
                whole = share + (bucket.hours[0] < rest)
            cells[key] = whole
        return cells[key]

    def _by_time(self, page: list[tuple[Bucket, Reply]], grouped: bool) -> list[Reply]:
        entries: dict[Bucket, Reply] = {}
        for bucket, row in page:
            entry = entries.setdefault(bucket, {"TimePeriod": bucket.json(), "Total": {}, "Groups": [], "Estimated": self._is_estimated(bucket)})
            if not grouped:
                entry["Total"] = row["Metrics"]
            elif row:
                entry["Groups"].append(row)
        return list(entries.values())

    def _is_estimated(self, bucket: Bucket) -> bool:
        """A bucket lies within one month."""
        return not is_final(bucket.start.toordinal(), self.today.toordinal())

    def _refuse_what_is_not_kept(self, first: Bucket) -> None:
        oldest = date(self.today.year - 1, self.today.month, 1) - timedelta(days=31)
        if first.start < oldest:
            raise invalid(f"You haven't enabled historical data beyond 14 months; the earliest date is {oldest.isoformat()}.")
        if first.hours is not None and first.start < self.today - timedelta(days=14):
            raise invalid("Hourly data is available for the last 14 days only.")

    def _group_key(self, group: Any) -> tuple[str, str]:
        if not isinstance(group, dict) or group.get("Type") not in _GROUP_ROOTS or not isinstance(group.get("Key"), str):
            raise invalid("GroupBy needs a Type (DIMENSION, TAG or COST_CATEGORY) and a Key.")
        if group["Type"] == "DIMENSION" and group["Key"] not in self.ledger.lines[0].dimensions:
            raise invalid(f"{group['Key']} is not a dimension to group by.")
        return group["Type"], group["Key"]

    def _group_value(self, line: Line, group: tuple[str, str]) -> str:
        kind, key = group
        value = lookup(_GROUP_ROOTS[kind], key)(line)
        return value or "" if kind == "DIMENSION" else f"{key}${value or ''}"

    def _attributes(self, groups: list[tuple[str, str]], page: list[tuple[Bucket, Reply]]) -> list[Reply]:
        if ("DIMENSION", "LINKED_ACCOUNT") not in groups:
            return []
        position = groups.index(("DIMENSION", "LINKED_ACCOUNT"))
        seen = sorted({row["Keys"][position] for _, row in page if row})
        return [{"Value": account, "Attributes": {"description": ACCOUNTS[account]}} for account in seen]

    # Lists

    def GetDimensionValues(self, request: Request) -> Reply:
        parse_period(request.get("TimePeriod"))
        dimension = request.get("Dimension", "")
        values = self._values(request, "Dimensions", dimension)
        if not values and not any(dimension in line.dimensions for line in self.ledger.lines):
            raise invalid(f"Dimension {dimension} is unknown.")
        described = [
            {"Value": value, "Attributes": {"description": ACCOUNTS[value]} if dimension == "LINKED_ACCOUNT" else {}} for value in values
        ]
        return self._page(request, "DimensionValues", described)

    def GetTags(self, request: Request) -> Reply:
        parse_period(request.get("TimePeriod"))
        if "TagKey" in request:
            return self._page(request, "Tags", self._values(request, "Tags", request["TagKey"]))
        return self._page(request, "Tags", sorted({key for line in self.ledger.lines for key in line.tags}))

    def GetCostCategories(self, request: Request) -> Reply:
        parse_period(request.get("TimePeriod"))
        if "CostCategoryName" in request:
            return self._page(request, "CostCategoryValues", self._values(request, "CostCategories", request["CostCategoryName"]))
        return self._page(request, "CostCategoryNames", sorted({key for line in self.ledger.lines for key in line.categories}))

    def _values(self, request: Request, root: str, key: str) -> list[str]:
        passes, value_of = compile_filter(request.get("Filter")), lookup(root, key)
        found = {value_of(line) or "" for line in self.ledger.lines if passes(line) and (root != "Dimensions" or value_of(line))}
        wanted = request.get("SearchString", "").casefold()
        return sorted(value for value in found if wanted in value.casefold())

    def _page(self, request: Request, member: str, values: list[Any]) -> Reply:
        size = min(self.page_size, request.get("MaxResults") or self.page_size)
        offset = offset_of(request)
        page = values[offset : offset + size]
        reply: Reply = {member: page, "ReturnSize": len(page), "TotalSize": len(values)}
        if offset + size < len(values):
            reply["NextPageToken"] = token_for(request, offset + size)
        return reply

    # Forecasts

    def GetCostForecast(self, request: Request) -> Reply:
        return self._forecast(request, request.get("Metric", "").replace("_", "").casefold())

    def GetUsageForecast(self, request: Request) -> Reply:
        return self._forecast(request, request.get("Metric", "").replace("_", "").casefold())

    def _forecast(self, request: Request, wanted: str) -> Reply:
        """Tells the average of the last 30 days for every day to come, ten percent more or less at the bounds of the interval."""
        metric = next((metric for metric in METRICS if metric.casefold() == wanted), None)
        if metric is None:
            raise invalid("Metric is unknown.")
        period = parse_period(request.get("TimePeriod"))
        if period.start < self.today:
            raise invalid("Start date must be equal to or no later than the current date to forecast.")
        lines, today = self._lines(request), self.today.toordinal()
        if not lines:
            raise ServiceError("DataUnavailableException", "Insufficient amount of historical data to generate a forecast.")
        past = (self.ledger.amount(line, today - n, metric, today) for line in lines for n in range(1, 31))
        daily = sum(amount for amount in past if amount is not None) // 30
        results, total = [], 0
        for bucket in split(request["TimePeriod"], request.get("Granularity", "MONTHLY")):
            mean = daily * len(bucket.days())
            total += mean
            results.append(
                {
                    "TimePeriod": bucket.json(),
                    "MeanValue": text(mean),
                    "PredictionIntervalLowerBound": text(mean * 9 // 10),
                    "PredictionIntervalUpperBound": text(mean * 11 // 10),
                }
            )
        return {"Total": {"Amount": text(total), "Unit": unit(lines, metric)}, "ForecastResultsByTime": results}


def unit(lines: list[Line], metric: str) -> str:
    """US dollars for costs; for usage the unit of the lines if they agree, else ``N/A``, as the service says, also where there are none."""
    if metric in COST_METRICS:
        return "USD"
    units = {line.unit for line in lines}
    return units.pop() if len(units) == 1 and metric == "UsageQuantity" else "N/A"


def view_of(request: Request) -> str | None:
    """The account that the billing view of the request is restricted to; None for the primary view, which has them all."""
    arn = request.get("BillingViewArn")
    if arn is None or arn.endswith(":billingview/primary"):
        return None
    account = arn.rpartition("/custom-")[2]
    if account not in ACCOUNTS:
        raise ServiceError("ResourceNotFoundException", f"There is no billing view {arn}.")
    return account
