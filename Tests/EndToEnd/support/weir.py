"""Weir itself: the real binary with a configuration of the test's own, behind a relay that remembers what clients and it said."""

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import yaml

from .caller import Caller
from .ends import ENDS
from .paths import find_binary
from .processes import ManagedProcess, eventually, free_port, survivors
from .relay import Relay

# Tests are not to wait for the rates that protect real accounts.
UNHURRIED = {"rate": "10000/s", "burst": 10000}


def is_heard(upstream: dict[str, Any]) -> bool:
    """Whether there is a relay or a tee before it, or it keeps by itself what is said to it."""
    if "url" in upstream:
        return urlsplit(upstream["url"]).port in Relay.ports | ENDS.ports
    return any("/support/tee.py" in part for part in upstream["command"])


class Weir:
    """One running `weir serve`. Clients speak to `url`, which is the relay; `port` and `direct` are Weir's own."""

    def __init__(
        self, configuration: dict[str, Any], folder: Path, environment: dict[str, str] | None = None, level: str = "debug", wait: bool = True,
        unheard: Collection[str] = (),
    ) -> None:
        """`unheard` names the upstreams of which nothing is recorded, and so nothing judged; without a name none may be so."""
        silent = sorted(name for name, upstream in configuration.get("upstreams", {}).items() if not is_heard(upstream))
        assert silent == sorted(unheard), f"nobody hears {silent}, and {sorted(unheard)} is what the test says"
        self.folder = folder
        self.configuration = configuration
        self.environment = environment
        self.level = level
        self.port = free_port()
        self.direct = f"http://127.0.0.1:{self.port}"
        self.relay = Relay(self.port)
        self.url = self.relay.url
        self._started: list = []
        # The address of its admin listener, where metrics are then.
        self.admin: str | None = None
        self.start(wait=wait)

    def start(self, wait: bool = True) -> None:
        binary, reason = find_binary()
        assert binary and binary.exists(), reason
        listen = {"address": f"127.0.0.1:{self.port}", "public_url": self.url} | self.configuration.get("listen", {})
        path = self.folder / "weir.yaml"
        path.write_text(yaml.safe_dump(self.configuration | {"listen": listen}, allow_unicode=True, sort_keys=False))
        began = time.monotonic()
        self.process = ManagedProcess([binary, "serve", "--config", path, "--log-level", self.level], self.environment)
        if wait:
            self.wait_until_ready()
            self.ready_after = time.monotonic() - began

    def wait_until_ready(self, timeout: float = 15) -> None:
        def check() -> bool:
            assert self.process.running(), f"weir ended with {self.process.process.returncode}:\n{self.process.output[-3000:]}"
            try:
                return httpx.get(f"{self.direct}/readyz", timeout=2).status_code == 200
            except httpx.HTTPError:
                return False

        eventually(check, timeout, "weir answers 200 on /readyz")

    def wait_for_tools(self, *prefixes: str, timeout: float = 60, headers: dict[str, str] | None = None) -> None:
        """Until tools of every named upstream are listed."""
        with self.caller(headers=headers) as caller:

            def check() -> bool:
                assert self.process.running(), f"weir ended:\n{self.process.output[-3000:]}"
                names = caller.names()
                return all(any(name.startswith(prefix + "__") for name in names) for prefix in prefixes)

            eventually(check, timeout, f"tools of {', '.join(prefixes)}; the log:\n{self.process.output[-2000:]}", pause=0.1)

    def caller(self, path: str = "/mcp", **options: Any) -> Caller:
        return Caller(self.url + path, **options)

    def metrics(self) -> str:
        return httpx.get(f"{self.admin or self.direct}/metrics", timeout=5).text

    def ready(self) -> httpx.Response:
        return httpx.get(f"{self.direct}/readyz", timeout=5)

    def servers(self) -> list[psutil.Process]:
        """Its upstreams that are child processes: those in Python, without the guards and tees around them."""
        commands = [(child, child.cmdline()) for child in self.process.children() if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        return [child for child, command in commands if "python" in "".join(command[:1]) and not any(part.endswith("/tee.py") for part in command)]

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        """Ends it in order: exit status 0, and nothing of it left."""
        children = self.process.children()
        status = self.process.stop()
        assert status == 0, f"weir ended with {status}; its last output:\n{self.process.output[-3000:]}"
        left = survivors(children)
        assert not left, f"still running after weir ended: {[' '.join(child.cmdline()) for child in left]}"

    def close(self) -> None:
        try:
            if self.process.running():
                self.stop()
        finally:
            self.relay.close()
