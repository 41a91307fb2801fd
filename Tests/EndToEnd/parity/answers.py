"""What the user behind a client says when a server asks: always the same."""

from typing import Any


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    match method:
        case "sampling/createMessage":
            return _sampled(params)
        case "elicitation/create":
            return _elicited(params)
    return {"roots": [{"uri": "file:///srv/projects", "name": "projects"}, {"uri": "file:///srv/notes"}]}


def _sampled(params: dict[str, Any]) -> dict[str, Any]:
    content = params["messages"][-1]["content"]
    asked = content["text"] if isinstance(content, dict) else content[0]["text"]
    return {"role": "assistant", "content": {"type": "text", "text": f"The answer to: {asked}"}, "model": "scripted", "stopReason": "endTurn"}


def _elicited(params: dict[str, Any]) -> dict[str, Any]:
    for refusal in ("decline", "cancel"):
        if f"please {refusal}" in params["message"]:
            return {"action": refusal}
    if params.get("mode") == "url":
        return {"action": "accept"}
    properties = params["requestedSchema"]["properties"]
    return {"action": "accept", "content": {name: _filled(name, schema) for name, schema in properties.items()}}


def _filled(name: str, schema: dict[str, Any]) -> Any:
    if schema.get("type") == "number":
        # The schema of 2026-07-28 has no other numbers in answers than whole ones.
        return int(schema.get("default", 7))
    if "default" in schema:
        return schema["default"]
    if schema.get("type") == "array":
        return [_options(schema["items"])[0]]
    if options := _options(schema):
        return options[0]
    return {"boolean": True, "integer": 7}.get(schema["type"], f"my {name}")


def _options(schema: dict[str, Any]) -> list[str]:
    return schema.get("enum") or [option["const"] for option in schema.get("oneOf") or schema.get("anyOf") or []]
