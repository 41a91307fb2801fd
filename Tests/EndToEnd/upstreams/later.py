"""A server of 2026-07-28 on standard input and output that answers calls with tasks of the extension, without an SDK: the one there is does not have it.

``later`` makes a task that works until it was asked for twice; ``asking_later`` one that wants input first. Who does not declare the extension gets
the result at once.
"""

import json
import sys
from typing import Any

EXTENSION = "io.modelcontextprotocol/tasks"
TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("later", "asking_later")]

tasks: dict[str, dict[str, Any]] = {}


def text(value: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": value}]}


def record(identifier: str) -> dict[str, Any]:
    kept = tasks[identifier]
    return {"taskId": identifier, "status": kept["status"], "createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z", "ttlMs": 60000}


def call(params: dict[str, Any]) -> dict[str, Any]:
    name = params["name"]
    declared = params["_meta"]["io.modelcontextprotocol/clientCapabilities"].get("extensions", {})
    if EXTENSION not in declared:
        return {"resultType": "complete", **text(f"{name} at once")}
    identifier = f"task-{len(tasks) + 1}"
    tasks[identifier] = {"tool": name, "status": "input_required" if name == "asking_later" else "working", "looks": 0}
    return {"resultType": "task", **record(identifier)}


def get(params: dict[str, Any]) -> dict[str, Any]:
    kept = tasks[params["taskId"]]
    kept["looks"] += 1
    if kept["status"] == "working" and kept["looks"] > 1:
        kept["status"] = "completed"
    answer = {"resultType": "complete", **record(params["taskId"])}
    if kept["status"] == "completed":
        answer["result"] = text(f"{kept['tool']} {kept.get('answer', 'done')}")
    if kept["status"] == "input_required":
        answer["inputRequests"] = {"q": {"method": "elicitation/create", "params": {"message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}}}}
    return answer


def update(params: dict[str, Any]) -> dict[str, Any]:
    tasks[params["taskId"]] |= {"status": "working", "answer": params["inputResponses"]["q"]["action"]}
    return {"resultType": "complete"}


def cancel(params: dict[str, Any]) -> dict[str, Any]:
    tasks[params["taskId"]]["status"] = "cancelled"
    return {"resultType": "complete"}


def discover(params: dict[str, Any]) -> dict[str, Any]:
    return {
        "resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0, "cacheScope": "private",
        "capabilities": {"tools": {}, "extensions": {EXTENSION: {}}}, "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "later", "version": "1"}},
    }


def listing(params: dict[str, Any]) -> dict[str, Any]:
    return {"resultType": "complete", "tools": TOOLS, "ttlMs": 60000, "cacheScope": "public"}


METHODS = {"server/discover": discover, "tools/list": listing, "tools/call": call, "tasks/get": get, "tasks/update": update, "tasks/cancel": cancel}

for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    handle = METHODS.get(message["method"])
    if handle is None:
        answer = {"error": {"code": -32601, "message": "Method not found"}}
    elif message["method"] in ("tasks/get", "tasks/update", "tasks/cancel") and message["params"].get("taskId") not in tasks:
        answer = {"error": {"code": -32602, "message": "Task not found"}}
    else:
        answer = {"result": handle(message["params"])}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
