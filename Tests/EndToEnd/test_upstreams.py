"""Upstreams that are late, die or stay away, and what becomes of their processes."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import judged, pricing_stdio, served, upstream_command, upstream_program
from emulator import Emulator
from support.oracle import Between
from support.processes import eventually, free_port, survivors
from support.weir import Weir

pytestmark = pytest.mark.weir


def state_of(weir: Weir, upstream: str) -> str:
    """What /readyz says of an upstream, as text: wherever it stands in the document."""

    def find(value: Any) -> Any:
        if isinstance(value, dict):
            if upstream in value:
                return value[upstream]
            if value.get("name") == upstream:
                return value
            value = list(value.values())
        if isinstance(value, list):
            return next((found for found in map(find, value) if found is not None), None)
        return None

    return json.dumps(find(weir.ready().json()))


def test_an_upstream_that_is_down_delays_nobody_and_joins_later(start_weir: Any, cloud: Emulator, emulator: Emulator) -> None:
    port = free_port()
    configuration = {
        "upstreams": {
            "absent": {"url": f"http://127.0.0.1:{port}/mcp"},
            "broken": {"command": ["/nonexistent/program"]},
            "pricing": pricing_stdio(cloud),
        }
    }
    # There is nothing to be heard, and later there is a relay.
    with start_weir(configuration, unheard=["absent", "broken"]) as weir:
        assert weir.ready_after < 5, "ready without waiting for upstreams"
        weir.wait_for_tools("pricing")
        with weir.caller() as caller:
            assert not [name for name in caller.names() if not name.startswith("pricing__")]
            assert caller.call("pricing__get_pricing_service_codes", {}).outcome in ("miss", "hit_memory")
        for name in ("absent", "broken"):
            assert any(word in state_of(weir, name) for word in ("down", "connecting")), weir.ready().text
        assert "ready" in state_of(weir, "pricing")
        assert str(port) not in weir.ready().text, "an upstream's address is nobody's business"
        assert 'upstream="absent"' in weir.metrics()

        behind = free_port()
        with served(upstream_program("workshop.py", behind), behind, at=port):
            weir.wait_for_tools("absent", timeout=60)
            eventually(lambda: "ready" in state_of(weir, "absent"), 5, "/readyz says that it joined")
            with weir.caller() as caller:
                assert caller.call("absent__echo", {"text": "here"}).text == "here"


def test_a_child_that_dies_is_started_again(start_weir: Any) -> None:
    configuration = {"upstreams": {"workshop": {"command": upstream_command("workshop.py")}}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("workshop")
        with weir.caller() as caller:
            first = int(caller.call("workshop__pid", {}).text)
            died = caller.call("workshop__crash", {})
            assert died.is_error or died.error, died

            def other_process() -> bool:
                answer = caller.call("workshop__pid", {})
                return not answer.is_error and answer.error is None and int(answer.text) != first

            eventually(other_process, 60, "another process answers", pause=0.2)


def test_a_child_that_is_killed_between_calls_is_started_again(start_weir: Any) -> None:
    configuration = {"upstreams": {"workshop": {"command": upstream_command("workshop.py"), "processes": 2}}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("workshop")
        eventually(lambda: len(weir.servers()) >= 2, 60, "two children")
        before = {child.pid for child in weir.process.children()}
        for child in weir.process.children():
            child.kill()
        eventually(lambda: len({child.pid for child in weir.servers()} - before) >= 2, 60, "two new children")
        with weir.caller() as caller:
            eventually(lambda: caller.call("workshop__echo", {"text": "a"}).status == 200, 20, "an answer")


def test_a_pool_answers_side_by_side(start_weir: Any) -> None:
    configuration = {"upstreams": {"workshop": {"command": upstream_command("workshop.py"), "processes": 3}}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("workshop")
        with weir.caller() as caller:

            def pids() -> set[str]:
                with ThreadPoolExecutor(12) as pool:
                    return {answer.text for answer in pool.map(lambda _: caller.call("workshop__pid", {}), range(24))}

            eventually(lambda: len(pids()) == 3, 60, "all three processes answer")


def test_no_child_outlives_weir_killed_without_warning(start_weir: Any, cloud: Emulator, tmp_path: Any) -> None:
    configuration = {
        "upstreams": {
            "pricing": pricing_stdio(cloud, processes=2),
            "old-timer": {"command": upstream_command("old_timer.py")},
            # A shell that starts the server: the grandchild must not survive either.
            "shell": {"command": ["/bin/sh", "-c", " ".join(f"'{part}'" for part in upstream_command("old_timer.py")) + "; exit 0"]},
        }
    }
    weir = Weir(configuration, tmp_path)
    try:
        weir.wait_for_tools("pricing", "old-timer", "shell")
        children = weir.process.children()
        assert len(weir.servers()) >= 4
        weir.process.signal(signal.SIGKILL)
        weir.process.wait(5)
        left = survivors(children, timeout=5)
        assert not left, [" ".join(child.cmdline()) for child in left]
    finally:
        for child in weir.process.children():
            child.kill()
        weir.relay.close()
    with judged(Between.CLIENTS, weir.relay):
        pass


def test_sigterm_ends_calls_in_flight_and_open_streams(start_weir: Any) -> None:
    configuration = {"listen": {"shutdown_grace": "2s"}, "upstreams": {"workshop": {"command": upstream_command("workshop.py")}}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("workshop")
        with weir.caller(timeout=30) as caller, ThreadPoolExecutor(1) as pool:
            short = pool.submit(caller.call, "workshop__march", {"steps": 5, "pause": 0.2})
            time.sleep(0.4)
            began = time.monotonic()
            weir.stop()
            assert time.monotonic() - began < 12
            # A call that fits into the grace is answered.
            assert short.result(30).text == "5 steps"


def test_results_over_the_limit_fail_and_do_no_harm(start_weir: Any) -> None:
    configuration = {"upstreams": {"workshop": {"command": upstream_command("workshop.py"), "max_result": "1MiB"}}}
    with start_weir(configuration) as weir:
        weir.wait_for_tools("workshop")
        with weir.caller() as caller:
            assert len(caller.call("workshop__large", {"size": 200_000}).text) == 200_000
            large = caller.call("workshop__large", {"size": 3_000_000})
            assert large.is_error or large.error
            eventually(lambda: caller.call("workshop__echo", {"text": "a"}).result is not None, 20, "the next call is answered")


def test_what_children_write_to_standard_error_is_logged_without_secrets(workshop_weir: Weir) -> None:
    with workshop_weir.caller() as caller:
        caller.call("old-timer__tool_1", {})
    workshop_weir.process.wait_for_line(lambda line: "noise about" in line, 10, "the child's standard error")
    assert "hunter2" not in workshop_weir.process.output
