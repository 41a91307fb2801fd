"""Budgets and STS: just enough to say who is asking and what was budgeted."""

from typing import Any

CALLER = "111111111111"

IDENTITY = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{CALLER}:user/finops</Arn><UserId>AIDAFINOPS</UserId><Account>{CALLER}</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>"""


class Budgets:
    """AWSBudgetServiceGateway, one method an operation."""

    def DescribeBudgets(self, request: dict[str, Any]) -> dict[str, Any]:
        return {
            "Budgets": [
                {
                    "BudgetName": "platform-monthly",
                    "BudgetLimit": {"Amount": "5000.0", "Unit": "USD"},
                    "TimeUnit": "MONTHLY",
                    "BudgetType": "COST",
                    "TimePeriod": {"Start": 1767225600, "End": 3706473600},
                    "CalculatedSpend": {"ActualSpend": {"Amount": "1234.5", "Unit": "USD"}, "ForecastedSpend": {"Amount": "4321.0", "Unit": "USD"}},
                }
            ]
        }
