"""Emulates `query-costs` of the Vantage MCP server over a small ledger, on standard input and output: its arguments, its rows, its total.

It reads the VQL filters that the tests write: conditions of `=` and `IN` joined by AND or OR, with any parentheses around. Amounts are not
rounded. Every query adds a line to the file named by COSTS_LOG.
"""

import datetime
import json
import os
import re
from collections import defaultdict
from decimal import Decimal
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult, TextContent, ToolAnnotations

LIMIT = 1000
SERVICES = ("AmazonEC2", "AmazonS3", "AmazonRDS", "AWSLambda")
REGIONS = ("us-east-1", "eu-west-1")

server = MCPServer("vantage-costs")


def ledger():
    """A line for most days of 2026 in every service and region, as if drawn by lot but always the same."""
    day = datetime.date(2026, 1, 1)
    number = 7
    while day.year == 2026:
        for service in SERVICES:
            for region in REGIONS:
                number = (number * 1103515245 + 12345) % 2**31
                if number % 7:
                    fields = {"provider": "aws", "service": service, "region": region, "account_id": str(1000 + number // 3 % 3)}
                    yield day, fields, Decimal(number % 90_000_001) / 1_000_000
        day += datetime.timedelta(days=1)


LEDGER = list(ledger())


def predicate(filter: str) -> str:
    """The filter as a Python expression over `row`; only what is recognised survives."""
    tokens = re.findall(r"\s*(\(|\)|AND\b|OR\b|costs\.\w+\s*=\s*'[^']*'|costs\.\w+\s+IN\s*\([^)]*\))", filter)
    if re.sub(r"\s", "", "".join(tokens)) != re.sub(r"\s", "", filter):
        raise ValueError(f"not understood: {filter}")
    made = []
    for token in tokens:
        if token.startswith("costs."):
            field = re.match(r"costs\.(\w+)", token).group(1)
            made.append(f"(row.get({field!r}) in {re.findall(chr(39) + '([^' + chr(39) + ']*)' + chr(39), token)!r})")
        else:
            made.append({"AND": "and", "OR": "or"}.get(token, token))
    return " ".join(made)


def plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text if "." in text else f"{text}.0"


@server.tool(name="query-costs", structured_output=False, annotations=ToolAnnotations(read_only_hint=True))
async def query_costs(
    filter: str,
    workspace_token: str,
    start_date: str,
    end_date: str,
    date_bin: str | None = None,
    groupings: list[str] | None = None,
    page: int = 1,
    settings_include_tax: bool | None = None,
) -> CallToolResult:
    """Query for costs in a Vantage Account."""
    if "COSTS_LOG" in os.environ:
        with open(os.environ["COSTS_LOG"], "a", encoding="utf-8") as log:
            log.write(json.dumps({"filter": filter, "start_date": start_date, "end_date": end_date, "groupings": groupings}) + "\n")
    matches = compile(predicate(filter), "filter", "eval")
    first, last = datetime.date.fromisoformat(start_date), datetime.date.fromisoformat(end_date)
    groups = groupings or ["provider", "service", "region"]
    cells: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for day, row, amount in LEDGER:
        if first <= day <= last and eval(matches, {"row": row}):  # noqa: S307
            bin = {"month": day.replace(day=1), "week": day - datetime.timedelta(days=day.weekday())}.get(date_bin or "day", day)
            cells[(max(bin, first).isoformat(), *(row[name] for name in groups))] += amount
    rows = sorted(cells.items())
    costs = [
        {"accrued_at": key[0], "amount": plain(amount.normalize()), "currency": "USD", **dict(zip(groups, key[1:]))}
        for key, amount in rows[(page - 1) * LIMIT : page * LIMIT]
    ]
    more = page * LIMIT < len(rows)
    body: dict[str, Any] = {"costs": costs, "total_cost": {"amount": plain(sum(cells.values(), Decimal()).normalize()), "currency": "USD"}}
    body["notes"] = f"Costs records represent one {date_bin or 'day'}."
    if not costs:
        body["hint"] = "No cost rows matched this filter and date range."
    body["pagination"] = {"nextPage": page + 1 if more else 0, "hasNextPage": more}
    return CallToolResult(content=[TextContent(type="text", text=json.dumps(body, indent=2))], structured_content=body)


server.run("stdio")
