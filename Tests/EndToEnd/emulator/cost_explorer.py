"""AWSInsightsIndexService: the operations of Cost Explorer that the tests need, evaluated over the ledger."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from .errors import ServiceError, invalid
from .expression import compile_filter, lookup
from .ledger import ACCOUNTS, METRICS, Ledger, Line, text
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
        period = parse_period(request.get("TimePeriod"))
        self._refuse_what_is_not_kept(period)
        metrics = request.get("Metrics") or []
        if not metrics or not set(metrics) <= set(METRICS):
            raise invalid(f"Metrics must be some of: {', '.join(METRICS)}.")
        groups = [self._group_key(group) for group in request.get("GroupBy") or []]
        if len(groups) > 2:
            raise invalid("Group by supports up to 2 groups.")
        lines = [line for line in self.ledger.lines if compile_filter(request.get("Filter"))(line)]
        rows = [
            (bucket, row)
            for bucket in split(period, request.get("Granularity", "MONTHLY"))
            for row in self._rows(bucket, lines, groups, metrics)
        ]
        offset = offset_of(request)
        page = rows[offset : offset + self.page_size]
        reply: Reply = {"ResultsByTime": self._by_time(page, grouped=bool(groups)), "DimensionValueAttributes": []}
        if groups:
            reply["GroupDefinitions"] = request["GroupBy"]
            reply["DimensionValueAttributes"] = self._attributes(groups, page)
        if offset + self.page_size < len(rows):
            reply["NextPageToken"] = token_for(request, offset + self.page_size)
        return reply

    def _rows(self, bucket: Bucket, lines: list[Line], groups: list[tuple[str, str]], metrics: list[str]) -> list[Reply]:
        """The groups of a bucket; a bucket without groups still gives one row, so that it appears in the answer."""
        members: dict[tuple[str, ...], list[Line]] = defaultdict(list)
        for line in lines:
            members[tuple(self._group_value(line, group) for group in groups)].append(line)
        if not groups:
            return [{"Metrics": self._sums(bucket, lines, metrics)}]
        days = [day for day in bucket.days() if day < self.today]
        if not days or not members:
            return [{}]
        return [{"Keys": list(keys), "Metrics": self._sums(bucket, members[keys], metrics)} for keys in sorted(members)]

    def _sums(self, bucket: Bucket, lines: list[Line], metrics: list[str]) -> dict[str, dict[str, str]]:
        days = [day for day in bucket.days() if day < self.today]
        return {
            metric: {
                "Amount": text(sum((self.ledger.amount(line, day, metric) for line in lines for day in days), Decimal(0))),
                "Unit": self.ledger.unit(lines, metric),
            }
            for metric in metrics
        }

    def _by_time(self, page: list[tuple[Bucket, Reply]], grouped: bool) -> list[Reply]:
        entries: dict[Bucket, Reply] = {}
        for bucket, row in page:
            entry = entries.setdefault(bucket, {"TimePeriod": bucket.json(), "Total": {}, "Groups": [], "Estimated": self._is_open(bucket)})
            if not grouped:
                entry["Total"] = row["Metrics"]
            elif row:
                entry["Groups"].append(row)
        return list(entries.values())

    def _is_open(self, bucket: Bucket) -> bool:
        return bucket.end > self.today.replace(day=1)

    def _refuse_what_is_not_kept(self, period: Bucket) -> None:
        oldest = date(self.today.year - 1, self.today.month, 1) - timedelta(days=31)
        if period.start < oldest:
            raise invalid(f"You haven't enabled historical data beyond 14 months; the earliest date is {oldest.isoformat()}.")

    def _group_key(self, group: Any) -> tuple[str, str]:
        if not isinstance(group, dict) or group.get("Type") not in _GROUP_ROOTS or not isinstance(group.get("Key"), str):
            raise invalid("GroupBy needs a Type (DIMENSION, TAG or COST_CATEGORY) and a Key.")
        return group["Type"], group["Key"]

    def _group_value(self, line: Line, group: tuple[str, str]) -> str:
        kind, key = group
        value = lookup(_GROUP_ROOTS[kind], key)(line)
        if kind == "DIMENSION":
            if value is None:
                raise invalid(f"{key} is not a dimension to group by.")
            return value
        return f"{key}${value or ''}"

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
        lines = [line for line in self.ledger.lines if compile_filter(request.get("Filter"))(line)]
        if not lines:
            raise ServiceError("DataUnavailableException", "Insufficient amount of historical data to generate a forecast.")
        past = [self.today - timedelta(days=n) for n in range(1, 31)]
        daily = sum((self.ledger.amount(line, day, metric) for line in lines for day in past), Decimal(0)) / 30
        results, total = [], Decimal(0)
        for bucket in split(period, request.get("Granularity", "MONTHLY")):
            mean = (daily * len(bucket.days())).quantize(Decimal("0.0000000001"))
            total += mean
            results.append(
                {
                    "TimePeriod": bucket.json(),
                    "MeanValue": text(mean),
                    "PredictionIntervalLowerBound": text((mean * Decimal("0.9")).quantize(Decimal("0.0000000001"))),
                    "PredictionIntervalUpperBound": text((mean * Decimal("1.1")).quantize(Decimal("0.0000000001"))),
                }
            )
        return {"Total": {"Amount": text(total), "Unit": self.ledger.unit(lines, metric)}, "ForecastResultsByTime": results}
