"""The upstream of upstreams/witness.py as a test sees it, and the judge of what clients got from it."""

import sys
from typing import Any

import httpx

from .ends import ENDS
from .load import SITES, TENANTS, tenants
from .oracle import Between
from .paths import END_TO_END
from .processes import ManagedProcess, accepts, eventually, free_port


class Witness:
    """Started at once. `configuration(site)` is what Weir needs to know of it. It keeps what is said to it: a relay would be slower than what is
    measured."""

    def __init__(self) -> None:
        self.port = free_port()
        ENDS.ports.add(self.port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = ManagedProcess([sys.executable, str(END_TO_END / "upstreams" / "witness.py"), str(self.port)])
        eventually(lambda: accepts(self.port), 20, "the witness listens")
        self._http = httpx.Client(base_url=self.url, timeout=20)

    def configuration(self, site: str, ttl: str = "1h", **changes: Any) -> dict[str, Any]:
        """`look` is cached for `ttl`, `glance` for a second, `peek` for a second and while it is being renewed, `act` never."""
        rules = [{"tool": "look", "ttl": ttl}, {"tool": "glance", "ttl": "1s"}, {"tool": "peek", "ttl": "1s", "stale": "1h"}]
        return {"url": f"{self.url}/mcp", "headers": {"X-Site": site}, "cache": rules, "era": "modern"} | changes

    def set(self, **values: Any) -> None:
        """See upstreams/witness.py; `forget=True` empties the log."""
        self._http.post("/control", json=values).raise_for_status()

    def log(self) -> list[dict[str, Any]]:
        """Every call that came, in order."""
        return self._http.get("/log").json()

    def calls(self) -> int:
        return self._http.get("/state").json()["calls"]

    def wait_until_holding(self, count: int, timeout: float = 20) -> None:
        eventually(lambda: self._http.get("/state").json()["holding"] >= count, timeout, f"{count} calls are held at the upstream", pause=0.01)

    def close(self) -> None:
        for asked, answered in self._http.get("/wire").json():
            ENDS.keep(Between.UPSTREAMS, asked.encode("latin-1"), answered.encode("latin-1"))
        self._http.close()
        self.process.process.kill()
        self.process.wait(5)


def witnessed(witness: Witness, redis: dict[str, Any] | None = None, ttl: str = "1h", **changes: Any) -> dict[str, Any]:
    """A configuration with the witness under the name of every site, for all tenants."""
    return {
        "cache": {"redis": redis} if redis else {},
        "providers": {site: {"concurrency": 64} for site in SITES},
        "upstreams": {site: witness.configuration(site, ttl) for site in SITES},
        "tenants": tenants(*TENANTS),
    } | changes
