"""Records answers of the real AWS servers, with the emulator behind them: ``.venv/e2e/bin/python Tests/EndToEnd/recordings/record.py``.

Each file is {"server", "call", "response"}; `response` is the line that the server wrote, byte for byte, but for the folder that it runs in. Tests that need to know how these
servers answer read them, so that they need no server. Run it again after changing a pinned version, and read the difference.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from emulator import Emulator  # noqa: E402
from support.caller import modern_meta  # noqa: E402
from support.paths import AWS_BIN, ROOT, aws_environment  # noqa: E402

BILLING, PRICING = "awslabs.billing-cost-management-mcp-server", "awslabs.aws-pricing-mcp-server"

MONTH = {"operation": "getCostAndUsage", "start_date": "2026-10-01", "end_date": "2026-11-01", "granularity": "MONTHLY"}
BY_SERVICE = {**MONTH, "metrics": ["UnblendedCost"], "group_by": [{"Type": "DIMENSION", "Key": "SERVICE"}]}

# file → (tool, arguments, controls of the emulator)
CASES = {
    BILLING: {
        "billing-cost-grouped": ("cost-explorer", BY_SERVICE, {}),
        "billing-cost-total": ("cost-explorer", {**MONTH, "metrics": '["UnblendedCost"]'}, {}),
        "billing-cost-open-month": ("cost-explorer", {**MONTH, "start_date": "2026-11-01", "end_date": "2026-11-10", "granularity": "DAILY"}, {}),
        "billing-cost-empty": (
            "cost-explorer",
            {**BY_SERVICE, "filter": {"Dimensions": {"Key": "SERVICE", "Values": ["None such"]}}},
            {},
        ),
        "billing-cost-next-page": ("cost-explorer", BY_SERVICE, {"page_size": 2}),
        "billing-cost-max-pages": ("cost-explorer", {**BY_SERVICE, "max_pages": 2}, {"page_size": 2}),
        "billing-throttled": ("cost-explorer", BY_SERVICE, {"throttle": {"probability": 1}}),
        "billing-bad-period": ("cost-explorer", {**BY_SERVICE, "start_date": "2026-11-01", "end_date": "2026-10-01"}, {}),
        "billing-unknown-metric": ("cost-explorer", {**BY_SERVICE, "metrics": ["Cost"]}, {}),
        "billing-unknown-operation": ("cost-explorer", {"operation": "getEverything"}, {}),
        "billing-missing-argument": ("cost-explorer", {}, {}),
        "billing-dimension-values": (
            "cost-explorer",
            {"operation": "getDimensionValues", "dimension": "LINKED_ACCOUNT", "start_date": "2026-10-01", "end_date": "2026-11-01"},
            {},
        ),
        "billing-tags": ("cost-explorer", {"operation": "getTagsOrValues", "start_date": "2026-10-01", "end_date": "2026-11-01"}, {}),
        "billing-cost-categories": (
            "cost-explorer",
            {"operation": "getCostCategories", "start_date": "2026-10-01", "end_date": "2026-11-01"},
            {},
        ),
        "billing-forecast": (
            "cost-explorer",
            {"operation": "getCostForecast", "metric": "UNBLENDED_COST", "start_date": "2026-12-01", "end_date": "2027-02-01", "granularity": "MONTHLY"},
            {"today": "2026-11-23"},
        ),
        "billing-session-sql": ("session-sql", {"query": "SELECT 1 AS one"}, {}),
        "billing-session-sql-error": ("session-sql", {"query": "SELECT nothing FROM nowhere"}, {}),
        "billing-budgets": ("budgets", {}, {}),
        "billing-pricing-tool": ("aws-pricing", {"operation": "get_service_codes"}, {}),
        "billing-unemulated": ("cost-anomaly", {"start_date": "2026-10-01", "end_date": "2026-10-31"}, {}),
        "billing-unknown-tool": ("no-such-tool", {}, {}),
    },
    PRICING: {
        "pricing-products": ("get_pricing", {"service_code": "AmazonEC2", "region": "us-east-1"}, {}),
        "pricing-products-regions": ("get_pricing", {"service_code": "AmazonS3", "region": ["us-east-1", "eu-central-1"]}, {}),
        "pricing-products-us-east-1": ("get_pricing", {"service_code": "AmazonS3", "region": "us-east-1"}, {}),
        "pricing-products-eu-central-1": ("get_pricing", {"service_code": "AmazonS3", "region": "eu-central-1"}, {}),
        "pricing-products-next-page": ("get_pricing", {"service_code": "AmazonEC2", "region": "us-east-1", "max_results": 1}, {}),
        "pricing-empty": ("get_pricing", {"service_code": "AmazonEC2", "region": "eu-west-3"}, {}),
        "pricing-unknown-service": ("get_pricing", {"service_code": "AmazonNothing", "region": "us-east-1"}, {}),
        "pricing-too-large": ("get_pricing", {"service_code": "AmazonEC2", "region": "us-east-1", "max_allowed_characters": 100}, {}),
        "pricing-throttled": ("get_pricing", {"service_code": "AmazonEC2", "region": "us-east-1"}, {"throttle": {"probability": 1}}),
        "pricing-missing-argument": ("get_pricing", {}, {}),
        "pricing-service-codes": ("get_pricing_service_codes", {}, {}),
        "pricing-attributes": ("get_pricing_service_attributes", {"service_code": "AmazonS3"}, {}),
        "pricing-attribute-values": ("get_pricing_attribute_values", {"service_code": "AmazonEC2", "attribute_names": ["instanceType", "tenancy"]}, {}),
        "pricing-attribute-unknown": ("get_pricing_attribute_values", {"service_code": "AmazonEC2", "attribute_names": ["nonesuch"]}, {}),
    },
}


class Session:
    """A session of either era on a server's standard input and output, without an SDK between, so that the bytes are the server's."""

    def __init__(self, program: str, environment: dict[str, str], modern: bool = False) -> None:
        self.process = subprocess.Popen(
            [AWS_BIN / program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.number = 0
        self.meta = {}
        if modern:
            self.meta = {"_meta": modern_meta()}
            self.discover = self.ask("server/discover", {})
            return
        client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "recorder", "version": "1"}}
        self.initialize = self.ask("initialize", client)
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def ask(self, method: str, params: dict) -> str:
        self.number += 1
        self._write({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params | self.meta})
        for line in self.process.stdout:
            if json.loads(line).get("id") == self.number:
                return line.decode().rstrip("\n")
        raise SystemExit(f"the server ended during {method}")

    def _write(self, message: dict) -> None:
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)


def write(name: str, server: str, call: dict, response: str) -> None:
    response = response.replace(str(ROOT), "/srv/weir")
    text = f'{{"server":{json.dumps(server)},"call":{json.dumps(call)},\n"response":{response}}}\n'
    json.loads(text)
    (HERE / f"{name}.json").write_text(text)
    print(f"{name}: {len(response)} bytes")


def main() -> None:
    emulator = Emulator()
    emulator.start()
    for program, cases in CASES.items():
        for setting, names in (({}, list(cases)), ({"MCP_SQL_THRESHOLD": "100"}, ["billing-data-stored"])):
            if setting and program != BILLING:
                continue
            session = Session(program, aws_environment(emulator.url) | setting)
            if not setting:
                write(f"{names[0].split('-')[0]}-initialize", program, {"method": "initialize"}, session.initialize)
                write(f"{names[0].split('-')[0]}-tools-list", program, {"method": "tools/list"}, session.ask("tools/list", {}))
            for name in names:
                tool, arguments, controls = cases.get(name, ("cost-explorer", BY_SERVICE, {}))
                emulator.reset()
                emulator.set(**controls)
                call = {"name": tool, "arguments": arguments}
                write(name, program, call, session.ask("tools/call", call))
                print("   ", dict(emulator.controls.summary()["received"]))
            session.close()
    for program, prefix, call in (
        (BILLING, "billing", {"name": "cost-explorer", "arguments": BY_SERVICE}),
        (PRICING, "pricing", {"name": "get_pricing_service_codes", "arguments": {}}),
    ):
        emulator.reset()
        session = Session(program, aws_environment(emulator.url), modern=True)
        write(f"{prefix}-modern-discover", program, {"method": "server/discover"}, session.discover)
        write(f"{prefix}-modern-call", program, call, session.ask("tools/call", call))
        session.close()
    emulator.stop()


if __name__ == "__main__":
    main()
