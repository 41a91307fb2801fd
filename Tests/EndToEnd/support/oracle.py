"""The schema oracle: every JSON-RPC message of the tests against the JSON schema of the revision it is spoken in."""

import json
from collections import Counter
from enum import StrEnum
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator

from .paths import find_data

REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
MODERN = "2026-07-28"
META_VERSION = "io.modelcontextprotocol/protocolVersion"


class Between(StrEnum):
    """Who speaks with whom."""

    CLIENTS = "between clients and Weir"
    UPSTREAMS = "between Weir and upstreams over HTTP"
    CHILDREN = "between Weir and its child processes"


_RESULTS = {
    "initialize": "InitializeResult",
    "server/discover": "DiscoverResult",
    "tools/list": "ListToolsResult",
    "tools/call": "CallToolResult",
    "resources/list": "ListResourcesResult",
    "resources/templates/list": "ListResourceTemplatesResult",
    "resources/read": "ReadResourceResult",
    "resources/subscribe": "EmptyResult",
    "resources/unsubscribe": "EmptyResult",
    "prompts/list": "ListPromptsResult",
    "prompts/get": "GetPromptResult",
    "completion/complete": "CompleteResult",
    "logging/setLevel": "EmptyResult",
    "tasks/get": "GetTaskResult",
    "tasks/cancel": "CancelTaskResult",
    "tasks/list": "ListTasksResult",
    "tasks/result": "GetTaskPayloadResult",
    "subscriptions/listen": "SubscriptionsListenResult",
    "elicitation/create": "ElicitResult",
    "sampling/createMessage": "CreateMessageResult",
    "roots/list": "ListRootsResult",
    "ping": "EmptyResult",
}

_MISSING = (
    "SKIPPED for want of test data: wire messages were not checked; mcp-schema is neither in WEIR_TEST_DATA nor in shared/data beside the repository"
)


class SchemaOracle:
    """`problems` is empty where a message is what the schema of its revision says. Without the schemas nothing is checked, and `missing` says why."""

    def __init__(self) -> None:
        data = find_data()
        self.folder = data / "mcp-schema" if data and (data / "mcp-schema").is_dir() else None
        self.missing = "" if self.folder else _MISSING
        # How many messages were, by who spoke with whom.
        self.checked: Counter[Between] = Counter()

    @lru_cache(maxsize=None)
    def _schema(self, revision: str) -> tuple[str, dict[str, Any]]:
        schema = json.loads((self.folder / f"{revision}.json").read_text())
        root = "$defs" if "$defs" in schema else "definitions"
        return root, schema[root]

    @lru_cache(maxsize=None)
    def _validator(self, revision: str, name: str) -> Draft202012Validator:
        root, definitions = self._schema(revision)
        return Draft202012Validator({"$ref": f"#/{root}/{name}", root: definitions})

    @lru_cache(maxsize=None)
    def _definition_of(self, revision: str, method: str, suffix: str) -> str | None:
        for name, definition in self._schema(revision)[1].items():
            if name.endswith(suffix) and definition.get("properties", {}).get("method", {}).get("const") == method:
                return name
        return None

    def problems(self, message: Any, revision: str, method: str | None = None, between: Between | None = None) -> list[str]:
        """What is wrong with a message; `method` is the one that a response answers, None where it is not known. `between` counts it there."""
        if self.folder is None:
            return []
        if revision not in REVISIONS:
            return [f"unknown revision {revision}"]
        if between:
            self.checked[between] += 1
        if not isinstance(message, dict):
            return ["is no object"]
        if "method" in message:
            kind, suffix = ("JSONRPCRequest", "Request") if "id" in message else ("JSONRPCNotification", "Notification")
            return self._check(revision, kind, message) + self._check(revision, self._definition_of(revision, message["method"], suffix), message)
        if "error" in message:
            modern_name = "JSONRPCErrorResponse" in self._schema(revision)[1]
            # An error whose request could not be read has no id; the older schemas know no such error, JSON-RPC does.
            if message.get("id", 0) is None or "id" not in message:
                message = {**message, "id": 0}
            return self._check(revision, "JSONRPCErrorResponse" if modern_name else "JSONRPCError", message)
        envelope = "JSONRPCResultResponse" if "JSONRPCResultResponse" in self._schema(revision)[1] else "JSONRPCResponse"
        found = self._check(revision, envelope, message)
        if method in _RESULTS and not (method == "ping" and revision == MODERN):
            found += self._check(revision, self._result_name(revision, method, message.get("result")), message.get("result"))
        return found

    def _result_name(self, revision: str, method: str, result: Any) -> str | None:
        """A request of the modern era may be answered with questions, and a call with a task; the extension of tasks has no schema here."""
        if revision == MODERN and (method.startswith("tasks/") or isinstance(result, dict) and result.get("resultType") == "task"):
            return "Result"
        if revision == MODERN and isinstance(result, dict) and result.get("resultType") == "input_required":
            return "InputRequiredResult"
        if revision == "2025-11-25" and method == "tools/call" and isinstance(result, dict) and "task" in result:
            return "CreateTaskResult"
        return _RESULTS[method] if _RESULTS[method] in self._schema(revision)[1] else None

    def _check(self, revision: str, name: str | None, value: Any) -> list[str]:
        if name is None:
            return []
        errors = self._validator(revision, name).iter_errors(value)
        return [f"{name} of {revision}: {error.json_path}: {error.message[:300]}" for error in errors]


def revision_of(message: Any, header: str | None, negotiated: str | None = None) -> str:
    """The revision that a client's message is spoken in: its envelope's word, the header's, the session's, the handshake's default."""
    if isinstance(message, dict):
        params = message.get("params")
        if isinstance(params, dict):
            meta = params.get("_meta")
            if isinstance(meta, dict) and isinstance(meta.get(META_VERSION), str):
                return meta[META_VERSION]
            if message.get("method") == "initialize" and params.get("protocolVersion") in REVISIONS:
                return params["protocolVersion"]
    return header or negotiated or "2025-03-26"
