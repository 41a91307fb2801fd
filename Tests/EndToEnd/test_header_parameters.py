"""Arguments that are repeated in headers (`Mcp-Param-…`): what a server wants there changes, and clients send what Weir does not know."""

from collections.abc import Iterator
from typing import Any

import pytest

from conftest import upstream_served
from support.caller import Caller
from support.processes import eventually
from support.weir import Weir

pytestmark = pytest.mark.weir


@pytest.fixture(scope="module", params=["shared", "session"])
def weir(start_weir: Any, request: pytest.FixtureRequest) -> Iterator[Weir]:
    with (
        upstream_served("mirror.py") as url,
        start_weir({"upstreams": {"mirror": {"url": f"{url}/mcp", "era": "modern", "isolation": request.param}}}) as weir,
    ):
        weir.wait_for_tools("mirror")
        yield weir


@pytest.fixture
def caller(weir: Weir) -> Iterator[Caller]:
    with weir.caller("/mcp/mirror") as caller:
        yield caller


def listed_header(caller: Caller) -> str:
    [look] = [tool for tool in caller.tools() if tool["name"] == "look"]
    return look["inputSchema"]["properties"]["place"]["x-mcp-header"]


def test_a_call_goes_out_again_with_the_headers_that_its_tool_wants_by_now(caller: Caller) -> None:
    before = listed_header(caller)
    told = caller.call("turn", {}).data
    assert listed_header(caller) == before, "nobody has told Weir"
    answer = caller.request("tools/call", {"name": "look", "arguments": {"place": "here"}}, further={f"Mcp-Param-{before}": "here"})
    assert answer.data["runs"] == told["runs"] + 1, "it ran once"
    assert answer.data["refused"] == told["refused"] + 1
    assert answer.data["lists"] > told["lists"]
    eventually(lambda: listed_header(caller) == answer.data["header"] != before, 10, "clients are shown the new definition")


def test_headers_of_a_tool_that_is_not_listed_are_passed_on(caller: Caller) -> None:
    encoded = "=?base64?Z3LDvG4=?="
    answer = caller.request("tools/call", {"name": "hidden"}, further={"Mcp-Param-Colour": encoded, "MCP-PARAM-size": "9 cm"})
    assert answer.data["headers"] == {"mcp-param-colour": encoded, "mcp-param-size": "9 cm"}


def test_headers_that_a_listed_tool_does_not_name_are_passed_on_beside_its_own(caller: Caller) -> None:
    header = listed_header(caller)
    sent = {f"Mcp-Param-{header}": "here", "Mcp-Param-Colour": "red"}
    answer = caller.request("tools/call", {"name": "look", "arguments": {"place": "here"}}, further=sent)
    assert answer.data["headers"] == {f"mcp-param-{header.lower()}": "here", "mcp-param-colour": "red"}


@pytest.mark.parametrize("value", ["=?base64?***?=", "gr\u00fcn".encode()], ids=["no Base64", "not encoded"])
def test_a_header_that_is_no_text_is_refused(caller: Caller, value: Any) -> None:
    answer = caller.request("tools/call", {"name": "hidden"}, further={"Mcp-Param-Colour": value})
    assert answer.status == 400 and answer.error is not None and answer.error["code"] == -32020
