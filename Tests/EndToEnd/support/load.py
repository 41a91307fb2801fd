"""Calls under load: many at once, at several replicas, for several tenants; every answer is kept for the judge."""

import asyncio
import hashlib
import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .caller import MODERN, modern_meta
from .ends import ENDS
from .oracle import Between


TENANTS = ("red", "green", "blue")
SITES = ("north", "south")


def key(tenant: str) -> str:
    return f"key-of-{tenant}-0123456789abcdef"


def tenants(*names: str) -> dict[str, Any]:
    """The section `tenants` of a configuration: everybody may call everything."""
    return {name: {"api_keys": [{"name": "test", "sha256": hashlib.sha256(key(name).encode()).hexdigest()}], "allow": ["*"]} for name in names}


_signs: dict[str | None, int] = {None: 0}


def sign(tenant: str | None) -> int:
    """The number by which the upstream knows a tenant: with how many spaces the arguments of its calls begin. No key of an answer knows of those, and
    the upstream gets arguments as they came, so that each answer tells for whom it was fetched."""
    return _signs.setdefault(tenant, len(_signs))


def signed(tenant: str | None, arguments: dict[str, Any]) -> str:
    return "{" + " " * sign(tenant) + json.dumps(arguments)[1:]


def bearer(tenant: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key(tenant)}"} if tenant else {}


@dataclass
class Asked:
    """One call and what came back. Times are those of `time.monotonic()`, but for `since`, which is `time.time()`."""

    tenant: str | None
    site: str
    tool: str
    arguments: dict[str, Any]
    replica: int
    began: float
    since: float
    seconds: float = 0.0
    outcome: str | None = None
    told: dict[str, Any] | None = None
    failure: str | None = None

    @property
    def ended(self) -> float:
        return self.began + self.seconds


class Wire:
    """One connection to one replica; opened at the first call, and again after it was lost. It keeps what was said itself: see support/ends.py."""

    _numbers = itertools.count(1)

    def __init__(self, url: str, replica: int = 0, timeout: float = 30, connecting: asyncio.Semaphore | None = None) -> None:
        self.host, self.port = urlsplit(url).hostname, urlsplit(url).port
        self.replica = replica
        self.timeout = timeout
        self._connecting = connecting or asyncio.Semaphore()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, tenant: str | None, site: str, tool: str, arguments: dict[str, Any]) -> Asked:
        asked = Asked(tenant, site, tool, arguments, self.replica, time.monotonic(), time.time())
        try:
            status, body = await asyncio.wait_for(self._post(tenant, f"{site}__{tool}", arguments), self.timeout)
            self._read(asked, status, body)
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.IncompleteReadError) as trouble:
            asked.failure = f"{type(trouble).__name__}: {trouble}"
            self.close()
        asked.seconds = time.monotonic() - asked.began
        return asked

    async def _post(self, tenant: str | None, name: str, arguments: dict[str, Any]) -> tuple[int, bytes]:
        number = next(self._numbers)
        params = {"name": name, "_meta": modern_meta(), "arguments": {}}
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
        # The last of its members, so that they stand where the empty ones do.
        body = body.removesuffix("{}}}").encode() + signed(tenant, arguments).encode() + b"}}"
        headers = {
            "Host": f"{self.host}:{self.port}", "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": name, "Content-Length": str(len(body)), **bearer(tenant)}
        if self._streams is None:
            async with self._connecting:
                self._streams = await asyncio.open_connection(self.host, self.port, limit=2**22)
        reader, writer = self._streams
        request = b"POST /mcp HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n" + body
        writer.write(request)
        start = found = b""
        try:
            start = await reader.readuntil(b"\r\n\r\n")
            head = start.decode("latin-1").split("\r\n")
            fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            found = await reader.readexactly(int(fields["content-length"]))
        finally:
            ENDS.keep(Between.CLIENTS, request, start + found)
        if fields.get("connection", "").lower() == "close":
            self.close()
        message = json.loads(found)
        if message.get("id") != number:
            raise ValueError(f"the answer to another request: {message.get('id')} and not {number}")
        return int(head[0].split(" ")[1]), found

    @staticmethod
    def _read(asked: Asked, status: int, body: bytes) -> None:
        message = json.loads(body)
        result = message.get("result")
        if result is None:
            asked.failure = f"{status} {message.get('error')}"
            return
        asked.outcome = result.get("_meta", {}).get("weir/cache", {}).get("outcome")
        text = result["content"][0]["text"]
        if result.get("isError"):
            asked.failure = f"{asked.outcome}: {text[:300]}"
        else:
            asked.told = json.loads(text)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


@dataclass
class Mix:
    """What the load asks for: a call is a site, a tool, and one of `topics` topics. `label` makes them questions that no other load asks."""

    sites: tuple[str, ...] = SITES
    tenants: tuple[str | None, ...] = TENANTS
    tools: tuple[str, ...] = ("look", "glance")
    topics: int = 40
    label: str = ""
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    def next(self) -> tuple[str | None, str, str, dict[str, Any]]:
        pick = self.chance.choice
        return pick(self.tenants), pick(self.sites), pick(self.tools), {"topic": f"{self.label} {self.chance.randrange(self.topics)}"}


class Load:
    """`workers` connections to each of the targets, each of which asks, waits for the answer, pauses and asks again."""

    def __init__(self, urls: Callable[[], list[str]] | list[str], mix: Mix, workers: int = 4, pause: float = 0.01) -> None:
        self.urls = urls if callable(urls) else lambda: urls
        self.mix, self.workers, self.pause = mix, workers, pause
        self.asked: list[Asked] = []
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Runs meanwhile, and ends when every call has its answer."""
        thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    async def _run(self) -> None:
        wires = [Wire(url, replica) for replica, url in enumerate(self.urls()) for _ in range(self.workers)]
        await asyncio.gather(*(self._work(wire) for wire in wires))
        for wire in wires:
            wire.close()

    async def _work(self, wire: Wire) -> None:
        while not self._stop.is_set():
            self.asked.append(await wire.call(*self.mix.next()))
            await asyncio.sleep(self.mix.chance.uniform(0.5, 1.5) * self.pause)

    def wait_for(self, more: int, timeout: float = 30) -> None:
        """Until so many more calls have been answered."""
        wanted, deadline = len(self.asked) + more, time.monotonic() + timeout
        while len(self.asked) < wanted:
            assert time.monotonic() < deadline, f"{wanted - len(self.asked)} of {more} calls are not answered within {timeout} s"
            time.sleep(0.01)


# What a call may wait for Redis (the default), in seconds.
COMMAND_TIMEOUT = 0.075
# What a busy machine may take longer: far less than a second command timeout.
LENIENCE = 0.05


class Singles(Load):
    """Questions that are asked once each, so that nobody waits for another's flight: as many at a Weir without Redis as at those that have one. What
    comes over the machine comes over both."""

    def __init__(self, having: list[str], lacking: str, label: str) -> None:
        super().__init__([*having, *[lacking] * len(having)], Mix(tools=("look",), topics=10**12, label=f"single {label}"), workers=1, pause=0.02)
        self.having = len(having)

    def cost(self, log: list[dict[str, Any]], since: float, until: float) -> float:
        """By how many seconds the slowest call that began between these times was slower than the slowest before, and than the slowest without
        Redis meanwhile: what the machine does by itself."""
        before, during, after = self.slowest(log, 0, since), self.slowest(log, since, until), self.slowest(log, until, float("inf"))
        told = "; ".join(f"{what} {one * 1000:.0f} and {other * 1000:.0f} ms" for what, (one, other) in
                         {"before": before, "meanwhile": during, "after": after}.items())
        print(f"slowest call that follows nobody, with Redis and without: {told}")
        return during[0] - max(before[0], during[1])

    def slowest(self, log: list[dict[str, Any]], since: float, until: float) -> tuple[float, float]:
        """How many seconds calls took longer than the upstream did, at most: of those that began between these times, with Redis and without."""
        took = {record["nonce"]: record["until"] - record["at"] for record in log if "until" in record}
        added: tuple[list[float], list[float]] = ([], [])
        for call in self.asked:
            if call.told and since <= call.began < until:
                added[call.replica >= self.having].append(call.seconds - took[call.told["nonce"]])
        return max(added[0], default=0.0), max(added[1], default=0.0)


Call = tuple[str | None, str, str, dict[str, Any]]


class Together:
    """Calls that are sent at once, each on a connection of its own, spread over the targets in turn; `results` waits for all answers."""

    def __init__(self, urls: list[str], calls: list[Call], timeout: float = 60) -> None:
        self.urls, self.calls, self.timeout = urls, calls, timeout
        self._asked: list[Asked] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    async def _run(self) -> None:
        # No more than a listener's backlog are being connected at a time.
        connecting = asyncio.Semaphore(200)
        wires = [Wire(self.urls[number % len(self.urls)], number % len(self.urls), self.timeout, connecting) for number in range(len(self.calls))]
        try:
            self._asked = await asyncio.gather(*(wire.call(*call) for wire, call in zip(wires, self.calls)))
        finally:
            for wire in wires:
                wire.close()

    def results(self) -> list[Asked]:
        self._thread.join()
        return self._asked


def all_at_once(urls: list[str], calls: list[Call], timeout: float = 60) -> list[Asked]:
    return Together(urls, calls, timeout).results()


def spread(what: str, asked: list[Asked]) -> str:
    """The times of some calls, to be printed."""
    times = sorted(call.seconds * 1000 for call in asked)
    return f"{what}: p50 {times[len(times) // 2]:.1f} ms, p99 {times[len(times) * 99 // 100]:.1f} ms, at most {times[-1]:.1f} ms"
