"""An upstream as servers of older SDKs behave, written by hand: it knows only the handshake of 2025-06-18, ends when anything else comes first,
writes noise to standard error, and lists its tools in pages of two."""

import json
import sys

TOOLS = [{"name": f"tool_{number}", "description": "A tool.", "inputSchema": {"type": "object"}} for number in range(5)]


def answer(message: dict) -> dict | None:
    params = message.get("params", {})
    match message["method"]:
        case "initialize":
            return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "old-timer", "version": "0.1"}}
        case "tools/list":
            start = int(params.get("cursor", 0))
            page = {"tools": TOOLS[start : start + 2]}
            return page | ({"nextCursor": str(start + 2)} if start + 2 < len(TOOLS) else {})
        case "tools/call":
            # An unknown member and a number that no double holds: both must arrive as they are.
            return {"content": [{"type": "text", "text": params["name"], "x-note": 12345678901234567890.10}], "x-future": {"b": 1, "a": 2}}
        case "ping":
            return {}
    return None


def main() -> None:
    initialized = False
    for line in sys.stdin:
        message = json.loads(line)
        if not initialized and message["method"] != "initialize":
            sys.exit("expected initialize")
        initialized = True
        print(f"noise about {message['method']} password=hunter2", file=sys.stderr, flush=True)
        if "id" not in message:
            continue
        result = answer(message)
        reply = {"jsonrpc": "2.0", "id": message["id"]}
        reply |= {"result": result} if result is not None else {"error": {"code": -32601, "message": "Method not found"}}
        text = json.dumps(reply).replace("1.2345678901234567e+19", "12345678901234567890.10")
        print(text, flush=True)


main()
