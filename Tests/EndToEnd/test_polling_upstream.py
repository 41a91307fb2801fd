"""An upstream that closes its event streams and is to be asked for the rest (2025-11-25, SSE polling and resumability)."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import upstream_served
from support.caller import Caller
from support.processes import eventually
from support.weir import Weir

pytestmark = pytest.mark.weir

PAUSE = 0.3


@pytest.fixture(scope="module")
def weir(start_weir: Any) -> Iterator[Weir]:
    with upstream_served("polling.py") as url, start_weir({"upstreams": {"polling": {"url": f"{url}/mcp"}}}) as weir:
        weir.wait_for_tools("polling")
        yield weir


@pytest.fixture(params=["modern", "legacy"])
def caller(weir: Weir, request: pytest.FixtureRequest) -> Iterator[Caller]:
    with weir.caller("/mcp/polling", era=request.param) as caller:
        yield caller


def came(caller: Caller, tool: str, **meta: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """With which ids Weir came back for the answer, the call's number taken out of them, and what was said meanwhile."""
    answer = caller.call(tool, {}, meta)
    assert answer.result is not None, answer.error
    found = json.loads(answer.text)
    assert all(pause >= PAUSE for _, pause in found), "not before the time that the server named"
    return [re.sub(r"\d+", "N", last, count=1) for last, _ in found], answer.notifications


def test_issue_4_the_answer_is_fetched_where_the_stream_was_left(caller: Caller) -> None:
    ids, said = came(caller, "polls", progressToken="t")
    assert ids == ["call-N-0", "call-N-1", "call-N-1"], "a refusal for now ends nothing"
    assert [message["params"]["progress"] for message in said] == [1]


def test_issue_4_half_an_event_was_not_heard(caller: Caller) -> None:
    assert came(caller, "breaks")[0] == ["call-N-0"]


def test_issue_4_a_stream_that_is_not_kept_fails_the_call(caller: Caller) -> None:
    answer = caller.call("leaves", {})
    assert answer.is_error and "its event stream ended before the answer" in answer.text


def test_issue_4_what_is_said_unasked_is_heard_from_where_it_was_left(weir: Weir) -> None:
    with weir.caller("/mcp/polling") as caller:
        ears = eventually(lambda: found if len(found := json.loads(caller.call("ears", {}).text)) > 2 else None, 20, "the stream is taken up")
    assert isinstance(ears, list)
    assert ears[:3] == [None, "ear-1", "ear-2"]
