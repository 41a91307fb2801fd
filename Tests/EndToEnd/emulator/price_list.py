"""AWSPriceListService: a small price list with filters, paging and the service's habit of sending each product as a JSON string."""

import json
from typing import Any

from .errors import ServiceError
from .paging import offset_of, token_for

_LOCATIONS = {"us-east-1": "US East (N. Virginia)", "eu-central-1": "EU (Frankfurt)", "ap-southeast-2": "Asia Pacific (Sydney)"}

# service code → [(attributes, price of a unit in us-east-1, unit)]
_PRODUCTS = {
    "AmazonEC2": [
        ({"instanceType": "m5.large", "vcpu": "2", "memory": "8 GiB", "operatingSystem": "Linux", "tenancy": "Shared"}, "0.0960", "Hrs"),
        ({"instanceType": "c6g.xlarge", "vcpu": "4", "memory": "8 GiB", "operatingSystem": "Linux", "tenancy": "Shared"}, "0.1360", "Hrs"),
        ({"instanceType": "m5.large", "vcpu": "2", "memory": "8 GiB", "operatingSystem": "Windows", "tenancy": "Shared"}, "0.1880", "Hrs"),
    ],
    "AmazonElastiCache": [
        (
            {"instanceType": kind, "cacheEngine": engine, "vcpu": vcpu, "memory": memory}
            | ({"note": "previous generation, on request"} if "m4" in kind else {}),
            price,
            "Hrs",
        )
        for kind, vcpu, memory, price in (
            ("cache.t4g.micro", "2", "0.5 GiB", "0.0160"),
            ("cache.m7g.large", "2", "6.38 GiB", "0.1580"),
            ("cache.m4.large", "2", "6.42 GiB", "0.1560"),
            ("cache.r7g.xlarge", "4", "26.32 GiB", "0.4370"),
        )
        for engine in ("Redis", "Memcached", "Valkey")
    ]
    + [({"cacheEngine": "redis", "instanceType": "Cache.T4G.Micro"}, "0", "Hrs")],
    "AmazonS3": [({"storageClass": "General Purpose", "volumeType": "Standard"}, "0.0230", "GB-Mo")],
    "AmazonRDS": [({"instanceType": "db.r6g.large", "databaseEngine": "PostgreSQL", "deploymentOption": "Single-AZ"}, "0.2250", "Hrs")],
}

_FACTORS = {"us-east-1": "1.00", "eu-central-1": "1.20", "ap-southeast-2": "1.25"}


def _matches(kind: str, have: str | None, want: str) -> bool:
    if kind in ("TERM_MATCH", "EQUALS"):
        return have is not None and have.casefold() == want.casefold()
    if kind == "CONTAINS":
        return have is not None and want.casefold() in have.casefold()
    choices = [choice.strip().casefold() for choice in want.split(",")]
    if kind == "ANY_OF":
        return have is not None and have.casefold() in choices
    if kind == "NONE_OF":
        return have is None or have.casefold() not in choices
    raise ServiceError("InvalidParameterException", f"Filter type {kind} is unknown.")


class PriceList:
    """One method an operation, named as on the wire."""

    def __init__(self) -> None:
        self.page_size = 100
        self.products = [product for service in _PRODUCTS for product in self._make(service)]

    def _make(self, service: str):
        for number, (attributes, price, unit) in enumerate(_PRODUCTS[service]):
            for region, location in _LOCATIONS.items():
                sku = f"{service[6:].upper()}{number}{region.replace('-', '').upper()}"
                amount = f"{float(price) * float(_FACTORS[region]):.10f}"
                term = {
                    "offerTermCode": "JRTCKXETXF",
                    "sku": sku,
                    "effectiveDate": "2026-11-01T00:00:00Z",
                    "termAttributes": {},
                    "priceDimensions": {
                        f"{sku}.JRTCKXETXF.6YS6EN2CT7": {
                            "rateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
                            "unit": unit,
                            "beginRange": "0",
                            "endRange": "Inf",
                            "appliesTo": [],
                            "description": f"${amount} per {unit} in {location}",
                            "pricePerUnit": {"USD": amount},
                        }
                    },
                }
                yield {
                    "product": {
                        "productFamily": "Storage" if "volumeType" in attributes else "Compute Instance",
                        "attributes": {**attributes, "servicecode": service, "regionCode": region, "location": location},
                        "sku": sku,
                    },
                    "serviceCode": service,
                    "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
                    "version": "20261101000000",
                    "publicationDate": "2026-11-01T00:00:00Z",
                }

    def _of(self, service: Any) -> list[dict[str, Any]]:
        if service not in _PRODUCTS:
            raise ServiceError("NotFoundException", f"The service code {service} was not found.")
        return [product for product in self.products if product["serviceCode"] == service]

    def DescribeServices(self, request: dict[str, Any]) -> dict[str, Any]:
        services = [request["ServiceCode"]] if "ServiceCode" in request else list(_PRODUCTS)
        described = [
            {"ServiceCode": service, "AttributeNames": sorted({name for product in self._of(service) for name in product["product"]["attributes"]})}
            for service in services
        ]
        return self._page(request, "Services", described) | {"FormatVersion": "aws_v1"}

    def GetAttributeValues(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request.get("AttributeName")
        values = {product["product"]["attributes"].get(name) for product in self._of(request.get("ServiceCode"))} - {None}
        if not values:
            raise ServiceError("NotFoundException", f"The attribute {name} was not found.")
        return self._page(request, "AttributeValues", [{"Value": value} for value in sorted(values)])

    def GetProducts(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self._of(request.get("ServiceCode"))
        for condition in request.get("Filters") or []:
            found = [
                product
                for product in found
                if _matches(condition["Type"], product["product"]["attributes"].get(condition["Field"]), condition["Value"])
            ]
        return self._page(request, "PriceList", [json.dumps(product) for product in found]) | {"FormatVersion": "aws_v1"}

    def _page(self, request: dict[str, Any], member: str, values: list[Any]) -> dict[str, Any]:
        size = min(self.page_size, request.get("MaxResults") or self.page_size)
        offset = offset_of(request, "NextToken")
        reply: dict[str, Any] = {member: values[offset : offset + size]}
        if offset + size < len(values):
            reply["NextToken"] = token_for(request, offset + size)
        return reply
