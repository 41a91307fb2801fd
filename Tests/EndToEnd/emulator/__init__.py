"""An emulator of the AWS billing APIs on loopback: Cost Explorer, Price List, Budgets and STS GetCallerIdentity.

It evaluates filters and groupings over a seeded ledger, pages, can be slow, can be held at a gate, can throttle, and counts every request, so
that tests can assert what a provider was asked and not only what a client was told. Started in a process of its own: ``python -m emulator``.
"""

from .errors import ServiceError
from .ledger import Ledger
from .server import Emulator

__all__ = ["Emulator", "Ledger", "ServiceError"]
