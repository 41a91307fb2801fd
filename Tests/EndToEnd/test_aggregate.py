"""Two servers as one at /mcp: prompts and resources beside tools, told apart, and only for whom they are."""

from collections.abc import Iterator
from typing import Any

import pytest

from conftest import upstream_command
from support.caller import Caller
from support.weir import Weir
from test_tenants import bearer, tenant

pytestmark = pytest.mark.weir

STATIC = "test://static-text"


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    """The fixture twice, as commands, each speaking another era."""
    program = upstream_command("everything.py")
    configuration = {
        "upstreams": {"one": {"command": program, "era": "legacy"}, "two": {"command": program, "era": "modern"}},
        "tenants": {"platform": tenant("platform", ["*"]), "data": tenant("data", ["one/*", "two/test_simple_*"])},
    }
    with start_weir(configuration) as weir:
        weir.wait_for_tools("one", "two", headers=bearer("platform"))
        yield weir


def result(caller: Caller, method: str, **params: Any) -> dict[str, Any]:
    answer = caller.request(method, params)
    assert answer.result is not None, f"{method}: {answer.status} {answer.error}"
    return answer.result


def code(caller: Caller, method: str, **params: Any) -> int:
    """The code of the error that it is answered with."""
    answer = caller.request(method, params)
    assert answer.error is not None, f"{method}: {answer.result}"
    return answer.error["code"]


def names(caller: Caller, method: str, member: str, key: str) -> list[str]:
    return [element[key] for element in result(caller, method)[member]]


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_prompts_are_told_apart(weir: Weir, era: str) -> None:
    with weir.caller(headers=bearer("platform"), era=era) as caller:
        listed = names(caller, "prompts/list", "prompts", "name")
        assert {"one__test_simple_prompt", "two__test_simple_prompt"} <= set(listed)
        assert listed == sorted(listed, key=lambda name: name.split("__")[0])
        for upstream in ("one", "two"):
            assert result(caller, "prompts/get", name=f"{upstream}__test_simple_prompt")["messages"]
            completed = result(
                caller,
                "completion/complete",
                ref={"type": "ref/prompt", "name": f"{upstream}__test_prompt_with_arguments"},
                argument={"name": "arg1", "value": ""},
            )
            assert "values" in completed["completion"]
        assert code(caller, "prompts/get", name="test_simple_prompt") == -32602


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_uri_that_two_servers_list_names_the_second_in_its_scheme(weir: Weir, era: str) -> None:
    with weir.caller(headers=bearer("platform"), era=era) as caller:
        listed = names(caller, "resources/list", "resources", "uri")
        assert STATIC in listed
        assert f"two+{STATIC}" in listed
        assert f"one+{STATIC}" not in listed
        for uri in (STATIC, f"one+{STATIC}", f"two+{STATIC}"):
            assert [content["uri"] for content in result(caller, "resources/read", uri=uri)["contents"]] == [uri]


@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("uri", ["test://nobody-has-this", "one+test://nobody-has-this", "two+test://nobody-has-this"])
def test_a_resource_that_nobody_has_is_named_as_its_client_names_it(weir: Weir, era: str, uri: str) -> None:
    with weir.caller(headers=bearer("platform"), era=era) as caller:
        error = caller.request("resources/read", {"uri": uri}).error
        assert error is not None and error["data"] == {"uri": uri}
        assert error["code"] == (-32602 if era == "modern" else -32002)


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_what_is_read_names_other_resources_as_the_list_does(weir: Weir, era: str) -> None:
    with weir.caller(headers=bearer("platform"), era=era) as caller:
        for prefix, static in (("one+", STATIC), ("two+", f"two+{STATIC}")):
            uri = f"{prefix}test://folder"
            found = [content["uri"] for content in result(caller, "resources/read", uri=uri)["contents"]]
            assert found == [uri, static, f"{uri}/leaf", "https://example.com/"]
    with weir.caller("/mcp/two", headers=bearer("platform"), era=era) as alone:
        assert [content["uri"] for content in result(alone, "resources/read", uri="test://folder")["contents"]][1] == STATIC


def test_what_stands_beside_tools_is_for_whom_all_tools_are(weir: Weir) -> None:
    with weir.caller(headers=bearer("data")) as caller:
        assert not [name for name in names(caller, "prompts/list", "prompts", "name") if name.startswith("two__")]
        assert not [uri for uri in names(caller, "resources/list", "resources", "uri") if uri.startswith("two+")]
        assert code(caller, "resources/read", uri=f"two+{STATIC}") in (-32002, -32602)
        assert code(caller, "prompts/get", name="two__test_simple_prompt") == -32602


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_links_lead_to_the_server_that_gave_them(weir: Weir, era: str) -> None:
    """Both servers have every resource of the fixture: what the second one names is told apart from the first one's."""
    with weir.caller(headers=bearer("platform"), era=era) as caller:
        for upstream, prefix in (("one", ""), ("two", "two+")):
            given = caller.call(f"{upstream}__test_resource_link", {}).result
            assert given is not None
            links = [block["uri"] for block in given["content"] if block["type"] == "resource_link"]
            listed = next(link for link in links if link.endswith("test://static-text"))
            assert listed == f"{prefix}test://static-text"
            assert result(caller, "resources/read", uri=listed)["contents"][0]["uri"] == listed
            embedded = caller.call(f"{upstream}__test_embedded_resource", {}).result
            assert embedded is not None
            [resource] = [block["resource"] for block in embedded["content"] if block["type"] == "resource"]
            assert resource["uri"].startswith(f"{upstream}+") or resource["uri"] == f"{prefix}test://static-text"
    with weir.caller("/mcp/two", headers=bearer("platform"), era=era) as alone:
        given = alone.call("test_resource_link", {}).result
        assert given is not None
        assert not [block for block in given["content"] if "two+" in block.get("uri", "")]


def test_interfaces_of_tools_lead_to_their_own_server(weir: Weir) -> None:
    with weir.caller(headers=bearer("platform")) as caller:
        found = {tool["name"]: tool["_meta"]["ui"]["resourceUri"] for tool in caller.tools() if "ui" in tool.get("_meta", {})}
        assert found, "the fixture has a tool with an interface"
        for name, uri in found.items():
            assert uri.startswith("two+ui://" if name.startswith("two__") else "ui://")
            assert result(caller, "resources/read", uri=uri)["contents"][0]["uri"] == uri
