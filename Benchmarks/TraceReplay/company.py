"""The Cost Explorer emulator over the books of a larger company: ``python company.py`` prints its address and serves until it is interrupted.

The end-to-end tests' ledger has three accounts; a FinOps team that fans out 20 to 70 calls has more: 42 accounts, 24 services, 6 regions,
18 teams. Operations, filters, paging and amounts are the emulator's own.
"""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests" / "EndToEnd"))

from emulator import cost_explorer, ledger, price_list  # noqa: E402
from emulator.server import Emulator  # noqa: E402

ACCOUNTS = {f"{100000000000 + 7919 * n:012d}": f"account-{n:02d}" for n in range(42)}
REGIONS = ["us-east-1", "eu-central-1", "eu-west-1", "us-west-2", "ap-southeast-2", "ap-northeast-1"]
TEAMS = [
    "checkout", "search", "größe", "catalog", "payments", "identity", "ml-platform", "data-lake", "streaming", "ads", "mobile", "web",
    "logistics", "pricing", "fraud", "support", "analytics", None,
]  # fmt: skip
OTHER_SERVICES = [
    "Amazon DynamoDB", "Amazon CloudFront", "Amazon Elastic Container Service for Kubernetes", "Amazon ElastiCache", "AmazonCloudWatch",
    "Amazon Virtual Private Cloud", "Amazon Simple Queue Service", "Amazon Kinesis", "Amazon Redshift",
    "Amazon OpenSearch Service", "AWS Glue", "Amazon SageMaker", "Amazon Route 53", "Amazon API Gateway", "AWS Step Functions",
    "Amazon Athena", "Amazon Bedrock", "AWS Backup",
]  # fmt: skip
INSTANCES = {"m5.large": "0.0960", "m5.xlarge": "0.1920", "c6g.xlarge": "0.1360", "c7g.large": "0.0723", "r6g.large": "0.1008",
             "r6g.2xlarge": "0.4032", "t4g.medium": "0.0336", "m7i.large": "0.1008", "g5.xlarge": "1.0060", "i4i.large": "0.1720"}  # fmt: skip


class CompanyLedger(ledger.Ledger):
    """Every account has services and regions of its own, as accounts have."""

    def _make_lines(self):
        chance = random.Random(self.seed)
        everywhere = {(account, service) for account in ACCOUNTS for service in chance.sample(list(ledger.CATALOGUE), chance.randrange(6, 12))}
        homes = {account: chance.sample(REGIONS, chance.randrange(1, 4)) for account in ACCOUNTS}
        for line in super()._make_lines():
            account, service, region = (line.dimensions[key] for key in ("LINKED_ACCOUNT", "SERVICE", "REGION"))
            is_fee = line.dimensions["RECORD_TYPE"] != "Usage"
            if is_fee or ((account, service) in everywhere and region in homes[account]):
                yield line


def main() -> None:
    ledger.ACCOUNTS.clear()
    ledger.ACCOUNTS.update(ACCOUNTS)
    ledger.REGIONS[:] = REGIONS
    ledger.TEAMS[:] = TEAMS
    for number, service in enumerate(OTHER_SERVICES):
        ledger.CATALOGUE[service] = [(f"{service.split()[-1]}-Usage", "Use", "NoInstanceType", 13_700_000_000 * (number + 3), "Units")]
    price_list._LOCATIONS.update({region: region for region in REGIONS if region not in price_list._LOCATIONS})
    price_list._FACTORS.update({region: "1.10" for region in REGIONS if region not in price_list._FACTORS})
    price_list._PRODUCTS["AmazonEC2"] = [
        ({"instanceType": name, "operatingSystem": system, "tenancy": "Shared"}, price, "Hrs")
        for name, price in INSTANCES.items()
        for system in ("Linux", "Windows")
    ]
    emulator = Emulator()
    emulator.cost_explorer = cost_explorer.CostExplorer(CompanyLedger(1))
    emulator.services["AWSInsightsIndexService"] = emulator.cost_explorer
    print(emulator.url, flush=True)
    try:
        emulator.serve_forever()
    except KeyboardInterrupt:
        pass


main()
