"""Every client sees the same through a fleet as without it, though each of its requests lands on another replica."""

import difflib
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from conftest import judged, upstream_served
from parity.lab import ERAS, KINDS, Kind, Lab
from parity.normalise import bridged, normalised
from parity.scenarios import Scenario
from support.balancer import Balancer
from support.caller import MODERN, Caller, modern_meta
from support.events import BOTH, Events, Session, rpc
from support.fleet import Fleet
from support.load import TENANTS, bearer, tenants
from support.oracle import Between
from support.processes import eventually
from support.redis import RedisServer
from test_asking import ANSWER, CAPABILITIES
from test_parity import compared, servers, written  # noqa: F401

pytestmark = [pytest.mark.weir, pytest.mark.filterwarnings("ignore")]

SEAL = "a-key-of-all-replicas-0123456789abcdef"


@pytest.fixture(scope="module")
def balanced(
    start_fleet: Callable[..., Any], servers: dict[tuple[str, str], str], tmp_path_factory: pytest.TempPathFactory  # noqa: F811
) -> Iterator[tuple[Fleet, Balancer]]:
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    upstreams = {era: {"url": servers[era, "http"], "era": era, "share": "all"} for era in ERAS}
    with start_fleet({"cache": {"redis": {"url": redis.url}}, "seal_key": SEAL, "upstreams": upstreams}) as fleet:
        know_each_other(fleet)
        balancer = Balancer(fleet.direct)
        with judged(Between.CLIENTS, balancer):
            yield fleet, balancer
        balancer.close()
    redis.close()


@pytest.fixture(scope="module")
def lab(servers: dict[tuple[str, str], str], balanced: tuple[Fleet, Balancer]) -> Lab:  # noqa: F811
    url = balanced[1].url
    return Lab(servers, {(era, transport): f"{url}/{path}/{era}" for era in ERAS for transport, path in (("http", "mcp"), ("sse", "sse"))})


@pytest.mark.parametrize(("kind", "era", "scenario"), compared())
def test_the_same_through_a_fleet(lab: Lab, kind: Kind, era: str, scenario: Scenario) -> None:
    comparable = normalised if era == kind.era else bridged
    directly = lab.directly(kind, scenario)
    if scenario.name.endswith("-change"):
        # The server is one: what was just changed directly is told through the fleet, too, a second later, and is no part of what comes now.
        time.sleep(2)
    recorded = [comparable(recording) for recording in (directly, lab.through_weir(kind, era, scenario))]
    # Of what other scenarios have changed a client may hear.
    recorded = [recording | {"changes": [change for change in recording["changes"] if "list_changed" not in change["method"]]} for recording in recorded]
    difference = "\n".join(difflib.unified_diff(*map(written, recorded), "directly", "through the fleet", lineterm=""))
    assert not difference, difference[:6000]


def test_requests_really_land_everywhere(balanced: tuple[Fleet, Balancer]) -> None:
    fleet, balancer = balanced
    with Session(f"{balancer.url}/mcp/legacy") as client:
        before = dict(balancer.sent)
        for number in range(1, 10):
            assert client.post({"id": number, "method": "ping"}).status_code == 200
        took = {target: balancer.sent[target] - before.get(target, 0) for target in balancer.targets}
    assert set(took.values()) == {3}, took


# One by one, at replicas that the test chooses


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    configuration = {"cache": {"redis": {"url": redis.url}}, "seal_key": SEAL, "tenants": tenants(*TENANTS)}
    with (
        upstream_served("everything.py", "--era", "legacy") as url,
        start_fleet(configuration | {"upstreams": {"old": {"url": f"{url}/mcp", "era": "legacy"}}}) as fleet,
    ):
        know_each_other(fleet)
        yield fleet
    redis.close()


def know_each_other(fleet: Fleet) -> None:
    """Replicas say every two seconds that they are there."""
    fleet.wait_for_redis()
    time.sleep(2.5)


def result(response: httpx.Response) -> dict[str, Any]:
    """Of the last message of an answer, in either form."""
    assert response.status_code == 200, response.text
    is_stream = response.headers["content-type"].startswith("text/event-stream")
    message = Session.messages(response)[-1] if is_stream else response.json()
    assert "result" in message, message
    return message["result"]


class Wandering(Session):
    """A session whose next request goes where the test says."""

    def __init__(self, fleet: Fleet, at: int, **capabilities: Any) -> None:
        self.fleet = fleet
        super().__init__(f"{fleet[at].url}/mcp/old", headers=bearer(TENANTS[0]), **capabilities)

    def at(self, replica: int) -> "Wandering":
        self.url = f"{self.fleet[replica].url}/mcp/old"
        return self


def test_a_session_is_known_everywhere(fleet: Fleet) -> None:
    with Wandering(fleet, 0) as client:
        for replica in (1, 2, 0, 1):
            result(client.at(replica).post({"id": replica, "method": "tools/call", "params": {"name": "test_simple_text"}}))
        client.at(2)
    for replica in range(3):
        # The word of it is a message away.
        eventually(lambda: ping(fleet, replica, dict(client.http.headers)) == 404, 3, f"replica {replica} knows a session no more that was ended elsewhere")


def ping(fleet: Fleet, replica: int, headers: dict[str, str]) -> int:
    return httpx.post(f"{fleet[replica].url}/mcp/old", json=rpc({"id": 9, "method": "ping"}), headers=headers, timeout=20).status_code


def test_a_session_is_its_own_tenants_everywhere(fleet: Fleet) -> None:
    with Wandering(fleet, 0) as client:
        for replica in range(3):
            headers = dict(client.http.headers) | {"authorization": bearer(TENANTS[1])["Authorization"]}
            assert ping(fleet, replica, headers) == 404, f"replica {replica} lets another tenant in"


@pytest.mark.parametrize(("listens", "calls"), [(0, 1), (1, 0), (2, 1)])
def test_what_a_session_hears_reaches_its_stream_wherever_it_is(fleet: Fleet, listens: int, calls: int) -> None:
    with Wandering(fleet, 0) as client, client.at(listens).listening() as events:
        assert events.next().data == ""
        client.at(calls).post({"id": 1, "method": "tools/call", "params": {"name": "test_trigger_tool_change"}})
        assert events.until("notifications/tools/list_changed")["jsonrpc"] == "2.0"


@pytest.mark.parametrize(("subscribes", "listens", "changes"), [(1, 0, 2), (0, 2, 1)])
def test_a_subscription_reaches_its_stream_wherever_it_is(fleet: Fleet, subscribes: int, listens: int, changes: int) -> None:
    uri = "test://watched-resource"
    with Wandering(fleet, 0) as client, client.at(listens).listening() as events:
        assert events.next().data == ""
        result(client.at(subscribes).post({"id": 1, "method": "resources/subscribe", "params": {"uri": uri}}))
        client.at(changes).post({"id": 2, "method": "tools/call", "params": {"name": "test_trigger_resource_update", "arguments": {"uri": uri}}})
        assert events.until("notifications/resources/updated")["params"]["uri"] == uri


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_an_answer_reaches_the_call_that_asked_wherever_it_is(fleet: Fleet, answers: int) -> None:
    with Wandering(fleet, 0, elicitation={}) as client:
        call = {"id": 1, "method": "tools/call", "params": {"name": "test_elicitation", "arguments": {"message": "Who?"}}}
        with client.posted(call) as events:
            question = next(event.message for event in events if event.data and event.message.get("method") == "elicitation/create")
            taken = client.at(answers).post({"id": question["id"], "result": ANSWER})
            assert taken.status_code == 202, taken.text
            assert "ada" in events.answer(1)["result"]["content"][0]["text"]


def test_a_cancellation_reaches_the_call_wherever_it_is(fleet: Fleet) -> None:
    with Wandering(fleet, 0) as client:
        call = {"id": 5, "method": "tools/call", "params": {
            "name": "test_steps", "arguments": {"steps": 200, "pause": 0.1}, "_meta": {"progressToken": 5}}}
        with client.posted(call) as events:
            events.until("notifications/progress")
            client.at(1).post({"method": "notifications/cancelled", "params": {"requestId": 5}})
            heard = sum(bool(event.data) for event in events)
            assert heard < 50, "the stream ends long before the call would have"


@pytest.mark.parametrize("back", [0, 1, 2])
def test_a_modern_call_goes_on_wherever_its_client_comes_back(fleet: Fleet, back: int) -> None:
    def ask(replica: int, **further: Any) -> Any:
        with Caller(f"{fleet[replica].url}/mcp/old", headers=bearer(TENANTS[0])) as caller:
            return caller.request("tools/call", {"name": "test_elicitation", "arguments": {"message": "Who are you?"}, **further}, CAPABILITIES)

    result = ask(0).result
    assert result is not None and result["resultType"] == "input_required"
    [key] = result["inputRequests"]
    answer = ask(back, requestState=result["requestState"], inputResponses={key: ANSWER})
    assert answer.result is not None and "accept" in answer.text, answer


@pytest.mark.parametrize("back", [0, 1, 2])
def test_who_lost_a_stream_finds_the_rest_at_any_replica(fleet: Fleet, back: int) -> None:
    call = {"id": 7, "method": "tools/call", "params": {
        "name": "test_steps", "arguments": {"steps": 12, "pause": 0.1}, "_meta": {"progressToken": "t"}}}
    with Wandering(fleet, 0) as client:
        with client.posted(call) as events:
            first = next(event for event in events if event.data and "progress" in event.message.get("params", {}))
        seen = [first.message["params"]["progress"]]
        with client.at(back).listening(after=first.id) as events:
            for event in events:
                if event.data and event.message.get("id") == 7:
                    break
                if event.data and "progress" in event.message.get("params", {}):
                    seen.append(event.message["params"]["progress"])
        assert seen == list(range(1, 13)), seen


@pytest.mark.parametrize(("listens", "changes"), [(0, 1), (1, 2)])
def test_a_modern_subscription_hears_of_changes_made_elsewhere(fleet: Fleet, listens: int, changes: int) -> None:
    headers = {"Accept": BOTH, "MCP-Protocol-Version": MODERN, "Mcp-Method": "subscriptions/listen", **bearer(TENANTS[0])}
    wanted = {"_meta": modern_meta(), "notifications": {"toolsListChanged": True}}
    body = rpc({"id": 1, "method": "subscriptions/listen", "params": wanted})
    with httpx.stream("POST", f"{fleet[listens].url}/mcp/old", json=body, headers=headers, timeout=30) as response:
        events = Events(response)
        events.until("notifications/subscriptions/acknowledged")
        with Caller(f"{fleet[changes].url}/mcp/old", headers=bearer(TENANTS[0])) as caller:
            caller.call("test_trigger_tool_change", {})
        assert events.until("notifications/tools/list_changed")["jsonrpc"] == "2.0"


def test_a_session_of_a_replica_that_has_just_come_is_known_everywhere(fleet: Fleet) -> None:
    """The others hear of it within two seconds; its clients don't wait for that."""
    fleet.restart(0)
    fleet[0].wait_for_tools("old", headers=bearer(TENANTS[0]))
    with Wandering(fleet, 0) as client, client.at(1).listening() as events:
        assert events.next().data == ""
        result(client.at(2).post({"id": 1, "method": "tools/call", "params": {"name": "test_trigger_tool_change"}}))
        assert events.until("notifications/tools/list_changed")["jsonrpc"] == "2.0"


def agreed(ask: Callable[[], list[bool]]) -> bool:
    """What all say for two seconds: what was changed before is told by then."""
    found, since = ask(), time.monotonic()
    while time.monotonic() < since + 2 or len(set(found)) > 1:
        time.sleep(0.1)
        if (now := ask()) != found:
            found, since = now, time.monotonic()
    return found[0]


def test_a_changed_list_is_new_everywhere(fleet: Fleet) -> None:
    """Whoever has heard of a change gets the new list, whichever replica is asked."""
    def has_it(client: Wandering, replica: int) -> bool:
        return any(tool["name"] == "test_added_tool" for tool in result(client.at(replica).post({"id": 1, "method": "tools/list"}))["tools"])

    with Wandering(fleet, 0) as client, client.listening() as events:
        assert events.next().data == ""
        there = agreed(lambda: [has_it(client, replica) for replica in range(3)])
        for number in range(1, 9):
            there = not there
            result(client.at(0).post({"id": number, "method": "tools/call", "params": {"name": "test_trigger_tool_change"}}))
            events.until("notifications/tools/list_changed")
            # The server may say one change twice, and the second word be heard after the next.
            while has_it(client, 0) != there:
                events.until("notifications/tools/list_changed")
            assert [has_it(client, replica) for replica in (1, 2)] == [there] * 2, f"after change {number}"
