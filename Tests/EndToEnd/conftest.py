"""Fixtures of the end-to-end tests: the real Weir, the real servers behind it, a real Redis, the emulated cloud, and the schema oracle."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator
from support.balancer import Balancer
from support.ends import ENDS
from support.exchanges import Exchanges
from support.fleet import Fleet
from support.load import bearer
from support.oracle import Between, SchemaOracle
from support.paths import AWS_BIN, END_TO_END, aws_environment, find_binary
from support.processes import ManagedProcess, accepts, eventually, free_port
from support.redis import RedisServer
from support.relay import Relay
from support.tees import TEES
from support.weir import UNHURRIED, Weir
from support.witness import Witness, witnessed

BILLING = AWS_BIN / "awslabs.billing-cost-management-mcp-server"
PRICING = AWS_BIN / "awslabs.aws-pricing-mcp-server"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `weir` need the binary. A binary that was named and isn't there is an error, not a reason to skip."""
    binary, reason = find_binary()
    if os.environ.get("WEIR_BINARY") and not binary.exists():
        raise pytest.UsageError(f"WEIR_BINARY={binary} does not exist")
    if binary is None:
        for item in items:
            if item.get_closest_marker("weir"):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "weir: needs the weir binary")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    told = ", ".join(f"{_ORACLE.checked[between]} {between}" for between in Between)
    terminalreporter.write_line(_ORACLE.missing or f"{_ORACLE.checked.total()} wire messages checked against the MCP schemas: {told}")


_ORACLE = SchemaOracle()


@pytest.fixture(scope="session")
def oracle() -> SchemaOracle:
    return _ORACLE


@contextlib.contextmanager
def judged(between: Between, *wires: Relay | Balancer) -> Iterator[None]:
    """Afterwards every message that passed these wires is held against the schemas."""
    yield
    expect_none(Exchanges(_ORACLE, between).problems(exchange for wire in wires for exchange in wire.exchanges()))


def expect_none(problems: list[str]) -> None:
    assert not problems, f"{len(problems)} messages are not what the schema says:\n" + "\n".join(dict.fromkeys(problems[:20]))


def judge_recordings() -> None:
    """What was said over pipes, and what our own clients and servers have recorded, since this was last asked."""
    expect_none(TEES.problems(_ORACLE) + ENDS.problems(_ORACLE))


@pytest.fixture(autouse=True)
def recordings_are_judged() -> Iterator[None]:
    yield
    judge_recordings()


@pytest.fixture(scope="session", autouse=True)
def recordings_are_judged_to_the_end() -> Iterator[None]:
    """The same for what is said while the fixtures of the whole run end."""
    yield
    judge_recordings()


@contextlib.contextmanager
def served(command: list[str | Path | int], port: int, environment: dict[str, str] | None = None, at: int = 0) -> Iterator[str]:
    """A server that listens on the port, behind a relay, `at` a port of the test's choice: the relay's address."""
    process = ManagedProcess(command, environment)
    eventually(lambda: accepts(port), 60, f"{command[-1]} listens")
    relay = Relay(port, at)
    with judged(Between.UPSTREAMS, relay):
        yield relay.url
        process.stop()
    relay.close()


def upstream_program(name: str, *arguments: str | int) -> list[str]:
    """The command of one of the small upstreams in upstreams/."""
    return [sys.executable, "-W", "ignore", str(END_TO_END / "upstreams" / name), *map(str, arguments)]


def upstream_command(name: str, *arguments: str) -> list[str]:
    """The same as a child of Weir: behind a tee."""
    return TEES.before(upstream_program(name, *arguments))


def upstream_served(name: str, *arguments: str) -> contextlib.AbstractContextManager[str]:
    """The same over HTTP, behind a relay: the relay's address."""
    port = free_port()
    return served([*upstream_program(name, *arguments), port], port)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Emulator]:
    """The emulated cloud, for as long as all tests."""
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture
def emulator(cloud: Emulator) -> Iterator[Emulator]:
    """The emulated cloud, its log and controls fresh."""
    cloud.reset()
    yield cloud
    cloud.reset()


@pytest.fixture(scope="session")
def billing_http(cloud: Emulator) -> Iterator[str]:
    """The real billing server over Streamable HTTP, behind a relay: the URL."""
    port = free_port()
    environment = aws_environment(cloud.url) | {
        "FASTMCP_TRANSPORT": "http",
        "FASTMCP_HOST": "127.0.0.1",
        "FASTMCP_PORT": str(port),
        "FASTMCP_STATELESS_HTTP": "true",
    }
    with served([BILLING], port, environment) as url:
        yield f"{url}/mcp"


@pytest.fixture(scope="session")
def pricing_http(cloud: Emulator) -> Iterator[str]:
    """The real pricing server over Streamable HTTP, behind a relay: the URL. Its command speaks on standard input and output only, so it is started from
    the module."""
    port = free_port()
    start = f"from awslabs.aws_pricing_mcp_server.server import mcp; mcp.run('streamable-http', port={port})"
    with served([AWS_BIN / "python", "-c", start], port, aws_environment(cloud.url)) as url:
        yield f"{url}/mcp"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.close()


@pytest.fixture(scope="session")
def start_weir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., contextlib.AbstractContextManager[Weir]]]:
    """`with start_weir(configuration) as weir:` runs the binary; at the end it must exit with 0, leave no child, and have spoken as the schemas say."""

    @contextlib.contextmanager
    def start(configuration: dict[str, Any], **options: Any) -> Iterator[Weir]:
        weir = Weir(configuration, tmp_path_factory.mktemp("weir"), **options)
        with judged(Between.CLIENTS, weir.relay):
            try:
                yield weir
            except BaseException:
                # The failure of the test is the news; what the log says helps to understand it.
                print(f"--- the end of weir's log ---\n{weir.process.output[-6000:]}")
                with contextlib.suppress(AssertionError):
                    weir.close()
                raise
            weir.close()

    yield start


@pytest.fixture(scope="module")
def witness() -> Iterator[Witness]:
    witness = Witness()
    yield witness
    witness.close()
    judge_recordings()


@pytest.fixture(scope="module")
def lacking(witness: Witness, start_fleet: Any) -> Iterator[str]:
    """A Weir that has no Redis."""
    with start_fleet(witnessed(witness, {}), count=1) as fleet:
        yield fleet[0].direct


@pytest.fixture(scope="session")
def start_fleet(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., contextlib.AbstractContextManager[Fleet]]:
    """`with start_fleet(configuration) as fleet:` runs several replicas until all know their tools, which the first tenant may see; at the end those
    that were not killed must exit with 0."""

    @contextlib.contextmanager
    def start(configuration: dict[str, Any], **options: Any) -> Iterator[Fleet]:
        fleet = Fleet(configuration, tmp_path_factory.mktemp("fleet"), **options)
        with judged(Between.CLIENTS, *(replica.relay for replica in fleet)):
            try:
                fleet.wait_for_tools(*configuration["upstreams"], headers=bearer(next(iter(configuration.get("tenants", {})), None)))
                yield fleet
            except BaseException:
                print(fleet.logs())
                fleet.close(orderly=False)
                raise
            fleet.close()

    return start


def billing_stdio(cloud: Emulator, **changes: Any) -> dict[str, Any]:
    """The configuration of the billing server as a child of Weir."""
    return {
        "command": TEES.before([str(BILLING)]),
        "environment": aws_environment(cloud.url),
        "pack": "aws-billing-cost-management",
        "share": "all",
    } | changes


def pricing_stdio(cloud: Emulator, **changes: Any) -> dict[str, Any]:
    """The configuration of the pricing server as a child of Weir."""
    return {"command": TEES.before([str(PRICING)]), "environment": aws_environment(cloud.url), "pack": "aws-pricing", "share": "all"} | changes


def billing_url(url: str, **changes: Any) -> dict[str, Any]:
    """The configuration of the billing server over HTTP."""
    return {"url": url, "pack": "aws-billing-cost-management", "share": "all"} | changes


UNHURRIED_BILLING = {"aws-cost-explorer": UNHURRIED, "aws-billing": UNHURRIED, "aws-pricing": UNHURRIED}


@pytest.fixture(scope="session")
def shared_weir(start_weir: Callable[..., Any], cloud: Emulator, billing_http: str, pricing_http: str) -> Iterator[Weir]:
    """One Weir for the tests that leave no trace: the billing server and the pricing server, each as a child and over HTTP."""
    configuration = {
        "providers": UNHURRIED_BILLING,
        "upstreams": {
            "billing": billing_stdio(cloud, processes=1),
            "billing-http": billing_url(billing_http),
            "pricing": pricing_stdio(cloud),
            "pricing-http": {"url": pricing_http, "pack": "aws-pricing", "share": "all"},
        },
    }
    with start_weir(configuration) as weir:
        weir.wait_for_tools("billing", "billing-http", "pricing", "pricing-http")
        yield weir


@pytest.fixture(scope="session")
def workshop_http() -> Iterator[str]:
    """The workshop upstream over Streamable HTTP, behind a relay: the URL."""
    with upstream_served("workshop.py") as url:
        yield f"{url}/mcp"


@pytest.fixture(scope="session")
def workshop_weir(start_weir: Callable[..., Any], workshop_http: str) -> Iterator[Weir]:
    """One Weir in front of the small upstreams. Everything may be kept except what `pid` and `crash` do."""
    rules = [{"tool": tool, "ttl": "1h"} for tool in ("march", "tally", "echo", "large")]
    configuration = {
        "cache": {"memory": {"max_bytes": "64MiB", "max_entry": "1MiB"}},
        "upstreams": {
            "workshop": {"command": upstream_command("workshop.py"), "share": "all", "cache": rules},
            "workshop-http": {"url": workshop_http, "share": "all", "cache": rules},
            "old-timer": {"command": upstream_command("old_timer.py"), "share": "all"},
        },
    }
    with start_weir(configuration) as weir:
        weir.wait_for_tools("workshop", "workshop-http", "old-timer")
        yield weir
