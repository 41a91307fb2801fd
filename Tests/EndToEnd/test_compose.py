"""`docker compose up --scale weir=3` with the images that docker-compose.yml names. Needs an engine, `weir:local` built (`docker compose build`), and ports
8080 and 9090 free."""

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from conftest import judged
from support.caller import Caller
from support.oracle import Between
from support.paths import MCP1_PYTHON, ROOT
from support.processes import eventually
from support.relay import Relay

PROJECT = "weir-test"
PORT, PROMETHEUS = 8080, "http://127.0.0.1:9090"
KEY = {"Authorization": "Bearer weir_demo-key-of-the-compose-example"}
REPLICAS = 3


def docker(*words: str, timeout: float = 120) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr[-2000:]}"
    return done.stdout


def has_images() -> bool:
    try:
        return bool(docker("image", "ls", "-q", "weir:local", timeout=10).strip())
    except (OSError, AssertionError, subprocess.TimeoutExpired):
        return False


pytestmark = pytest.mark.skipif(not has_images(), reason="no Docker engine with the image weir:local (docker compose build)")


class Composed:
    """What runs, by the name of its service, and the balancer behind a relay."""

    def __init__(self) -> None:
        has_plugin = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
        self._command = ["docker", "compose"] if has_plugin else ["docker-compose"]
        self.relay = Relay(PORT)
        self.url = self.relay.url

    def compose(self, *words: str) -> None:
        command = [*self._command, "-p", PROJECT, "-f", str(ROOT / "docker-compose.yml"), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-3000:]}"

    def up(self, replicas: int) -> None:
        self.compose("up", "-d", "--scale", f"weir={replicas}")
        eventually(lambda: len(self.containers("weir")) == replicas, 30, f"{replicas} replicas run")
        eventually(lambda: all(self.health(one) == "healthy" for one in self.containers("weir")), 60, "the replicas are healthy", pause=0.5)

    def containers(self, service: str) -> list[str]:
        filters = [f"label=com.docker.compose.project={PROJECT}", f"label=com.docker.compose.service={service}", "status=running"]
        return docker("ps", "-q", *(word for one in filters for word in ("--filter", one))).split()

    def health(self, container: str) -> str:
        return docker("inspect", "--format", "{{.State.Health.Status}}", container).strip()

    def addresses(self, service: str) -> dict[str, str]:
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
        return {one: docker("inspect", "--format", form, one).split()[0] for one in self.containers(service)}

    def status(self, path: str) -> int:
        try:
            return httpx.get(self.url + path, timeout=5).status_code
        except httpx.HTTPError:
            return 0

    def call(self, metric: str) -> dict[str, Any]:
        """The costs of a day by a metric; the sample takes a second to answer."""
        arguments = {"operation": "getCostAndUsage", "start_date": "2026-10-01", "end_date": "2026-10-02", "granularity": "DAILY", "metrics": [metric]}
        with Caller(self.url + "/mcp", headers=KEY) as caller:
            answer = caller.call("sample__cost-explorer", arguments)
        assert not answer.is_error, f"{answer}\n{self.logs()}"
        return answer.result

    def logs(self) -> str:
        return "\n".join(docker("logs", "--tail", "30", one) for one in self.containers("weir"))


@pytest.fixture(scope="module")
def composed() -> Iterator[Composed]:
    composed = Composed()
    try:
        composed.up(REPLICAS)
        eventually(lambda: composed.status("/readyz") == 200, 30, "the balancer has a replica")
        with judged(Between.CLIENTS, composed.relay):
            yield composed
    finally:
        composed.compose("down", "-v")
        composed.relay.close()


def outcome(result: dict[str, Any]) -> str:
    return result["_meta"]["weir/cache"]["outcome"]


def test_the_replicas_ask_once_and_share_the_answer(composed: Composed) -> None:
    with ThreadPoolExecutor(60) as pool:
        results = list(pool.map(lambda _: composed.call("UnblendedCost"), range(60)))
    outcomes = [outcome(result) for result in results]
    assert outcomes.count("miss") == 1, outcomes
    assert len({json.dumps(result["content"]) for result in results}) == 1
    # Each has it now, by Redis.
    assert {outcome(composed.call("UnblendedCost")) for _ in range(12)} <= {"hit_memory", "hit_redis"}


def test_a_session_goes_on_at_whichever_replica(composed: Composed) -> None:
    headers = KEY | {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    with httpx.Client(base_url=composed.url, headers=headers, timeout=20) as client:
        opened = client.post("/mcp", json={"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        for number in range(1, 13):
            method, wanted = ("tools/list", {}) if number % 2 else ("logging/setLevel", {"level": "error"})
            answer = client.post("/mcp", json={"jsonrpc": "2.0", "id": number, "method": method, "params": wanted}, headers=session)
            assert answer.status_code == 200, (number, answer.text)
        assert client.delete("/mcp", headers=session).status_code in (200, 204)


def test_a_real_client_needs_two_lines(composed: Composed) -> None:
    script = """
import asyncio, sys
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
async def main():
    async with streamablehttp_client(sys.argv[1], headers={"Authorization": sys.argv[2]}) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        print(*(tool.name for tool in (await session.list_tools()).tools))
asyncio.run(main())
"""
    done = subprocess.run([MCP1_PYTHON, "-c", script, composed.url + "/mcp", KEY["Authorization"]], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["sample__cost-explorer"], done.stderr[-2000:]


def test_a_killed_replica_and_a_lost_redis_stop_nobody(composed: Composed) -> None:
    victim = composed.containers("weir")[0]
    docker("kill", victim)
    # The balancer may still know the killed one, and passes it over after a second.
    began = time.monotonic()
    assert outcome(composed.call("AmortizedCost")) == "miss"
    assert {outcome(composed.call("AmortizedCost")) for _ in range(8)} <= {"hit_memory", "hit_redis"}
    assert time.monotonic() - began < 5
    [redis] = composed.containers("redis")
    docker("pause", redis)
    try:
        began = time.monotonic()
        assert outcome(composed.call("UsageQuantity")) == "miss"
        # A second for the sample, and two until this replica's part of the pack's rate has a token.
        assert time.monotonic() - began < 5
    finally:
        docker("unpause", redis)
    composed.up(REPLICAS)


def test_prometheus_finds_every_replica(composed: Composed) -> None:
    wanted = {f"{address}:8080" for address in composed.addresses("weir").values()}

    def found() -> set[str]:
        targets = httpx.get(PROMETHEUS + "/api/v1/targets", timeout=5).json()["data"]["activeTargets"]
        return {target["labels"]["instance"] for target in targets if target["health"] == "up"}

    eventually(lambda: len(found()) == len(wanted), 90, "all targets are up", pause=1)
    assert composed.status("/metrics") == 404


def test_scaling_down_ends_replicas_in_order(composed: Composed) -> None:
    before = set(composed.containers("weir"))
    with ThreadPoolExecutor(1) as pool:
        down = pool.submit(composed.up, 1)
        while not down.done():
            composed.call("UnblendedCost")
        down.result()
    ended = before - set(composed.containers("weir"))
    assert len(ended) == REPLICAS - 1
    gone = docker("ps", "-aq", "--no-trunc").split()
    assert not [one for one in gone if one[:12] in ended], "the ended replicas are removed"
