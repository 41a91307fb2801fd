"""What Weir adds or changes, and nothing else may differ."""

from typing import Any

# Weir introduces itself.
_INTRODUCTION = {"serverInfo", "io.modelcontextprotocol/serverInfo"}
# Weir tells in `_meta` of a result where it comes from.
_PROVENANCE = {"weir/cache"}
# How long a list may be kept, and by whom, is Weir's to say: it keeps lists itself.
_LIFETIMES = {"ttlMs", "cacheScope"}
# Weir speaks every revision, whatever those of its upstream are.
_REVISIONS = {"supportedVersions"}
# What a server wants to see again, and what it calls its tasks, is sealed for the client that it is for.
_SEALED = {"requestState", "taskId"}

_LEFT_OUT = _INTRODUCTION | _PROVENANCE | _LIFETIMES | _REVISIONS


def normalised(value: Any) -> Any:
    """The recording without that; a `_meta` that had nothing else is left out too."""
    if isinstance(value, list):
        return [normalised(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: "sealed" if key in _SEALED else normalised(item) for key, item in value.items() if key not in _LEFT_OUT}
    if kept.get("_meta") == {} and value["_meta"]:
        del kept["_meta"]
    return kept


def bridged(recording: dict[str, Any]) -> dict[str, Any]:
    """What can be compared where Weir translates between eras: the questions whatever their order, and how each request ended.

    How many rounds of `input_required` there are, and what a URL elicitation is called, are of one era only. So are tasks.
    """
    recording = normalised(recording)
    steps = [step | {"responses": _without_tasks(step["responses"][-1:])} for step in recording["steps"]]
    asked = sorted((_without(question, "elicitationId") for question in recording["asked"]), key=str)
    changes = [change for change in recording["changes"] if change["method"] != "notifications/elicitation/complete"]
    return recording | {"steps": steps, "asked": asked, "changes": changes}


def _without(question: dict[str, Any], member: str) -> dict[str, Any]:
    return question | {"params": {key: value for key, value in question["params"].items() if key != member}}


def _without_tasks(responses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for response in responses:
        response.get("result", {}).get("capabilities", {}).pop("tasks", None)
        for tool in response.get("result", {}).get("tools", []):
            tool.pop("execution", None)
    return responses
