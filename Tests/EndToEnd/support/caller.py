"""A small MCP client on httpx, of either era: for tests that look at the answer and not at an SDK."""

import itertools
import json
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from . import http1

MODERN, LEGACY = "2026-07-28", "2025-11-25"


@dataclass
class Answer:
    """One tools/call: the result object, or the JSON-RPC error, and the HTTP status."""

    status: int
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    notifications: list[dict[str, Any]]

    @property
    def outcome(self) -> str:
        return self.provenance["outcome"]

    @property
    def provenance(self) -> dict[str, Any]:
        assert self.result is not None, f"an error instead of a result: {self.error}"
        return self.result["_meta"]["weir/cache"]

    @property
    def is_error(self) -> bool:
        return bool(self.result and self.result.get("isError"))

    @property
    def text(self) -> str:
        assert self.result is not None, f"an error instead of a result: {self.error}"
        return "".join(part.get("text", "") for part in self.result["content"])

    @property
    def data(self) -> Any:
        """The JSON that the AWS servers put into the text."""
        return json.loads(self.text)


class Caller:
    """Calls tools at one endpoint. Modern by default; with `era="legacy"` it opens a session first. Safe to use from many threads."""

    def __init__(self, url: str, era: str = "modern", headers: dict[str, str] | None = None, timeout: float = 60) -> None:
        self.url = url
        self.era = era
        self._http = httpx.Client(
            headers={"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **(headers or {})},
            timeout=timeout,
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=100),
        )
        self._ids = itertools.count(1)
        self._session: dict[str, str] = {}
        if era == "legacy":
            response, messages = self._post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
                "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "weir-tests", "version": "1"}}}, {})
            assert response.status_code == 200, response.text
            version = messages[-1]["result"]["protocolVersion"]
            self._session = {"MCP-Protocol-Version": version}
            if "mcp-session-id" in response.headers:
                self._session["Mcp-Session-Id"] = response.headers["mcp-session-id"]
            self._post({"jsonrpc": "2.0", "method": "notifications/initialized"}, self._session)

    def close(self) -> None:
        if "Mcp-Session-Id" in self._session:
            self._http.delete(self.url, headers=self._session)
        self._http.close()

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def call(self, tool: str, arguments: dict[str, Any], meta: dict[str, Any] | None = None) -> Answer:
        return self.request("tools/call", {"name": tool, "arguments": arguments}, meta)

    def tools(self) -> list[dict[str, Any]]:
        answer = self.request("tools/list", {})
        assert answer.result is not None, f"tools/list: {answer.status} {answer.error}"
        return answer.result["tools"]

    def names(self) -> list[str]:
        return [tool["name"] for tool in self.tools()]

    def request(
        self, method: str, params: dict[str, Any], meta: dict[str, Any] | None = None, further: dict[str, str] | None = None
    ) -> Answer:
        """`further` are headers beside those of the protocol."""
        headers = self._session | (further or {})
        if self.era == "modern":
            headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
            if named := params.get("name") or params.get("uri") or params.get("taskId"):
                headers["Mcp-Name"] = named
            params = {**params, "_meta": modern_meta() | (meta or {})}
        elif meta:
            params = {**params, "_meta": meta}
        number = next(self._ids)
        response, messages = self._post({"jsonrpc": "2.0", "id": number, "method": method, "params": params}, headers)
        final = next((message for message in messages if message.get("id") == number and "method" not in message), {})
        return Answer(
            response.status_code,
            final.get("result"),
            final.get("error") or next((message["error"] for message in messages if "error" in message), None),
            [message for message in messages if "method" in message],
        )

    def _post(self, body: dict[str, Any], headers: dict[str, str]) -> tuple[httpx.Response, list[Any]]:
        response = self._http.post(self.url, content=json.dumps(body), headers=headers)
        kept = http1.HTTPMessage("HTTP/1.1 200", [(name.lower(), value) for name, value in response.headers.items()], response.content)
        return response, kept.messages()


def modern_meta() -> dict[str, Any]:
    return {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "weir-tests", "version": "1"},
    }


def question(**changes: Any) -> dict[str, Any]:
    """A question about a closed month that nobody has asked before: a filter that holds for every line makes it new and leaves the answer the same."""
    never = {"Not": {"Tags": {"Key": "team", "Values": [f"nobody-{uuid.uuid4()}"]}}}
    return {
        "operation": "getCostAndUsage",
        "start_date": "2026-09-01",
        "end_date": "2026-10-01",
        "granularity": "MONTHLY",
        "metrics": ["UnblendedCost"],
        "group_by": [{"Type": "DIMENSION", "Key": "SERVICE"}],
        "filter": never,
    } | changes
