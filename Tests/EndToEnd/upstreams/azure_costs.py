"""Emulates the cost tools of the Azure Resource Manager MCP server over a small ledger, on standard input and output.

The tools' names and the limit of 100 rows are documented (github.com/Azure/Azure-Resource-Manager-MCP); their arguments are not, so that they are
those of the Query API's body here, with its `scope`. What the service does silently is done silently: a range of more than 31 days is cut, and
so is an answer of more than 100 rows. Every query adds a line to the file named by COSTS_LOG; THROTTLE=n refuses the first n queries.
"""

import datetime
import json
import os
from collections import defaultdict
from decimal import Decimal
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult, TextContent, ToolAnnotations

ROWS = 100
SERVICES = ("Storage", "Virtual Machines", "Bandwidth")
GROUPS = ("web", "data", "ml")
PLACES = ("eastus", "westeurope")

server = MCPServer("azure-costs")
calls = 0


def ledger():
    """A line for every day of 2026, service and resource group, as if drawn by lot but always the same."""
    day = datetime.date(2026, 1, 1)
    number = 0
    while day.year == 2026:
        for service in SERVICES:
            for group in GROUPS:
                number = (number * 1103515245 + 12345) % 2**31
                if number % 5:
                    place = PLACES[number // 7 % 2]
                    cost = Decimal(number % 100_000_007) / 1_000_000
                    yield day, {"ServiceName": service, "ResourceGroupName": group, "ResourceLocation": place}, "EUR" if place == "westeurope" else "USD", cost
        day += datetime.timedelta(days=1)


LEDGER = list(ledger())


def holds(condition: dict[str, Any] | None, dimensions: dict[str, str]) -> bool:
    if not condition:
        return True
    if "and" in condition:
        return all(holds(part, dimensions) for part in condition["and"])
    if "or" in condition:
        return any(holds(part, dimensions) for part in condition["or"])
    leaf = condition["dimensions"]
    return dimensions[leaf["name"]].casefold() in [value.casefold() for value in leaf["values"]]


def answer(body: dict[str, Any]) -> CallToolResult:
    text = json.dumps(body)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=body)


def refusal(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


@server.tool(structured_output=False, annotations=ToolAnnotations(read_only_hint=True))
async def query_costs(scope: str, type: str, timeframe: str, dataset: dict[str, Any], timePeriod: dict[str, str] | None = None) -> CallToolResult:
    """Query Azure cost and usage data."""
    global calls
    calls += 1
    if "COSTS_LOG" in os.environ:
        with open(os.environ["COSTS_LOG"], "a", encoding="utf-8") as log:
            log.write(json.dumps({"scope": scope, "timePeriod": timePeriod, "dataset": dataset}) + "\n")
    if calls <= int(os.environ.get("THROTTLE", "0")):
        return refusal("Rate limited by Cost Management API. Please retry after 30 seconds.")
    if timeframe != "Custom" or not timePeriod:
        return refusal("Only the timeframe Custom is emulated.")
    first, last = (datetime.date.fromisoformat(timePeriod[name][:10]) for name in ("from", "to"))
    if first > last:
        first, last = last, first
    granularity = dataset.get("granularity", "None")
    if granularity == "Daily":
        last = min(last, first + datetime.timedelta(days=30))
    grouping = [group["name"] for group in dataset.get("grouping", [])]
    measures = [measure["name"] for measure in dataset["aggregation"].values()]
    cells: dict[tuple, Decimal] = defaultdict(Decimal)
    for day, dimensions, currency, cost in LEDGER:
        if first <= day <= last and holds(dataset.get("filter"), dimensions):
            bucket = {"Daily": (int(day.strftime("%Y%m%d")),), "Monthly": (day.strftime("%Y-%m-01T00:00:00"),)}.get(granularity, ())
            cells[(*bucket, *(dimensions[name] for name in grouping), currency)] += cost
    names = {"Daily": ["UsageDate"], "Monthly": ["BillingMonth"]}.get(granularity, [])
    columns = [{"name": name, "type": "Number"} for name in measures]
    columns += [{"name": name, "type": "Number" if name == "UsageDate" else "Datetime"} for name in names]
    columns += [{"name": name, "type": "String"} for name in (*grouping, "Currency")]
    rows = [[*(float(cost) for _ in measures), *key] for key, cost in sorted(cells.items())][:ROWS]
    return answer({"properties": {"nextLink": None, "columns": columns, "rows": rows}})


@server.tool(structured_output=False)
async def list_dimensions(scope: str) -> CallToolResult:
    """List available cost dimensions for grouping or filtering."""
    return answer({"value": ["ServiceName", "ResourceGroupName", "ResourceLocation"]})


@server.tool(structured_output=False)
async def create_budget(scope: str, name: str, amount: float) -> CallToolResult:
    """Create a Cost budget."""
    global calls
    calls += 1
    return answer({"name": name, "amount": amount, "number": calls})


server.run("stdio")
