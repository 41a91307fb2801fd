"""A modern client is asked by a server of the handshake era: its call waits for it to come back, and for nobody else."""

from collections.abc import Iterator
from typing import Any

import pytest

from conftest import upstream_served
from support.caller import Answer, Caller
from support.events import Session, rpc
from support.weir import Weir
from test_tenants import bearer, tenant

pytestmark = pytest.mark.weir

CAPABILITIES = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}, "sampling": {}}}
ANSWER = {"action": "accept", "content": {"username": "ada", "email": "ada@example.com"}}


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    tenants = {"data": tenant("data", ["*"]), "platform": tenant("platform", ["*"])}
    with (
        upstream_served("everything.py", "--era", "legacy") as url,
        start_weir({"upstreams": {"old": {"url": f"{url}/mcp", "era": "legacy"}}, "tenants": tenants}) as weir,
    ):
        weir.wait_for_tools("old", headers=bearer("data"))
        yield weir


@pytest.fixture
def caller(weir: Weir) -> Iterator[Caller]:
    with weir.caller("/mcp/old", headers=bearer("data")) as caller:
        yield caller


def ask(caller: Caller, tool: str = "test_elicitation", **further: Any) -> Answer:
    return caller.request("tools/call", {"name": tool, "arguments": {"message": "Who are you?"}, **further}, CAPABILITIES)


def asked(caller: Caller) -> tuple[str, str]:
    """The state and the key of the one question."""
    result = ask(caller).result
    assert result is not None and result["resultType"] == "input_required"
    [(key, request)] = result["inputRequests"].items()
    assert request["method"] == "elicitation/create"
    assert request["params"]["message"] == "Who are you?"
    return result["requestState"], key


def test_the_call_goes_on_when_its_client_comes_back(caller: Caller) -> None:
    state, key = asked(caller)
    answer = ask(caller, requestState=state, inputResponses={key: ANSWER})
    assert answer.result is not None and answer.result["resultType"] == "complete"
    assert "accept" in answer.text


def test_who_comes_back_without_an_answer_is_asked_again(caller: Caller) -> None:
    state, key = asked(caller)
    again = ask(caller, requestState=state, inputResponses={"other": ANSWER}).result
    assert again is not None and list(again["inputRequests"]) == [key]
    assert again["requestState"] != state
    assert "accept" in ask(caller, requestState=again["requestState"], inputResponses={key: ANSWER}).text


def test_a_state_is_good_for_one_return(caller: Caller) -> None:
    state, key = asked(caller)
    assert ask(caller, requestState=state, inputResponses={key: ANSWER}).result is not None
    again = ask(caller, requestState=state, inputResponses={key: ANSWER})
    assert again.error is not None and again.error["code"] == -32602 and "requestState" in again.error["message"]


def test_a_state_is_its_principals_and_its_calls(weir: Weir, caller: Caller) -> None:
    state, key = asked(caller)
    with weir.caller("/mcp/old", headers=bearer("platform")) as other:
        foreign = ask(other, requestState=state, inputResponses={key: ANSWER})
        assert foreign.error is not None and foreign.error["code"] == -32602
    elsewhere = ask(caller, tool="test_sampling", requestState=state, inputResponses={key: ANSWER})
    assert elsewhere.error is not None and elsewhere.error["code"] == -32602
    tampered = ask(caller, requestState=state[:-1] + ("0" if state[-1] != "0" else "1"), inputResponses={key: ANSWER})
    assert tampered.error is not None and tampered.error["code"] == -32602
    assert "accept" in ask(caller, requestState=state, inputResponses={key: ANSWER}).text, "and the call still waits for its own"


def test_clients_side_by_side_are_asked_their_own_questions(caller: Caller) -> None:
    """Three calls of one principal are open at once: each question goes to the call that it belongs to."""
    questions = [
        caller.request("tools/call", {"name": "test_elicitation", "arguments": {"message": f"Question {number}"}}, CAPABILITIES).result
        for number in range(3)
    ]
    for number, result in enumerate(questions):
        assert result is not None
        [(key, request)] = result["inputRequests"].items()
        assert request["params"]["message"] == f"Question {number}"
        content = {"username": f"user-{number}", "email": "a@example.com"}
        answer = caller.request("tools/call", {
            "name": "test_elicitation", "arguments": {"message": f"Question {number}"},
            "requestState": result["requestState"], "inputResponses": {key: {"action": "accept", "content": content}}}, CAPABILITIES)
        assert f"user-{number}" in answer.text


@pytest.fixture(scope="module")
def both(start_weir: Any) -> Iterator[Weir]:
    """A server of both eras, and one of the modern era alone; neither tells which other era it speaks, nor is Weir told."""
    with (
        upstream_served("everything.py") as two,
        upstream_served("everything.py", "--era", "modern") as new,
        start_weir({"upstreams": {"both": {"url": f"{two}/mcp"}, "new": {"url": f"{new}/mcp"}}}) as weir,
    ):
        weir.wait_for_tools("both", "new")
        yield weir


@pytest.mark.parametrize("upstream", ["both", "new"])
def test_a_legacy_client_is_asked_whatever_else_its_server_speaks(both: Weir, upstream: str) -> None:
    """Twice: the second call knows what the first one found out."""
    with Session(f"{both.url}/mcp/{upstream}", elicitation={}) as client:
        for number in (1, 2):
            call = {"id": number, "method": "tools/call", "params": {"name": "test_elicitation", "arguments": {"message": "Who?"}}}
            with client.posted(call) as events:
                question = next(event.message for event in events if event.data and event.message.get("method") == "elicitation/create")
                assert question["params"]["message"] == "Who?"
                client.http.post(client.url, json=rpc({"id": question["id"], "result": ANSWER}))
                assert "ada" in events.answer(number)["result"]["content"][0]["text"]


VISITOR = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}}


def visit(caller: Caller, tool: str, label: str, capabilities: dict[str, Any] = VISITOR, **further: Any) -> Answer:
    return caller.request("tools/call", {"name": tool, "arguments": {"label": label}, **further}, capabilities)


@pytest.mark.parametrize(("path", "prefix", "says"), [("/mcp/old", "", ""), ("/mcp", "old__", "old asks: ")])
def test_who_has_to_go_somewhere_first_is_sent_there_and_comes_back(weir: Weir, path: str, prefix: str, says: str) -> None:
    """The handshake era refuses with -32042, which the modern era does not have."""
    tool = f"{prefix}test_url_elicitation_required"
    with weir.caller(path, headers=bearer("data")) as caller, weir.caller(path, headers=bearer("platform")) as other:
        result = visit(caller, tool, path).result
        assert result is not None and result["resultType"] == "input_required"
        [(key, request)] = result["inputRequests"].items()
        assert request["params"] == {"mode": "url", "message": f"{says}Please sign in first", "url": "https://example.com/first"}
        back = {"requestState": result["requestState"], "inputResponses": {key: {"action": "accept"}}}
        for who, label in ((other, path), (caller, "another")):
            refused = visit(who, tool, label, **back)
            assert refused.error is not None and refused.error["code"] == -32602, "the state is for this call of this principal"
        assert visit(caller, tool, path, **back).text == "Signed in; the call says ['arguments', 'name']"


def test_who_cannot_be_sent_anywhere_gets_an_error(caller: Caller) -> None:
    refused = visit(caller, "test_url_elicitation_required", "nowhere", CAPABILITIES)
    assert refused.error is not None and refused.error["code"] == -32603
