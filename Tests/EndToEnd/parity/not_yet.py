"""Where Weir differs. A scenario that passes although it is here fails the run, so that it is taken out."""

_PAGES = "Weir gives each list on one page (decision 10)"
_WORDS = "Weir says in its own words that it has no such tool or prompt"
_DATA = "what errors of upstreams say in their data stays behind, and URLs in their messages (security)"
_PARKED = "a modern client cannot be asked by a server of the handshake era yet"
_TASKS = "Weir does not pass on tasks yet"

# With servers of both eras.
ALWAYS: dict[str, str] = {
    "errors": _DATA,
    "reading": _DATA,
    "tools-in-pages": _PAGES,
    "resources": _PAGES,
    "templates": _PAGES,
    "prompts": _PAGES,
    "prompt-change": _PAGES,
    "resource-change": _PAGES,
    "tool-change": _WORDS,
}
# With servers of the handshake era, by clients of the modern one.
ACROSS: dict[str, str] = {
    "capabilities": _PARKED,
    "sampling": _PARKED,
    "elicitation": _PARKED,
    "elicitation-schemas": _PARKED,
    "elicitation-by-url": _PARKED,
    "roots": _PARKED,
    "one-round": _PARKED,
    "two-rounds": _PARKED,
    "several-questions": _PARKED,
    "question-amid-progress": _PARKED,
    "questions-of-resources-and-prompts": _PARKED,
    "log-level-of-a-request": "the level of one request cannot be told to a server of the handshake era",
}
# With servers of the handshake era, by clients of the same.
LEGACY: dict[str, str] = {"handshake": _TASKS, "tasks": _TASKS}
NOT_YET_FROM: dict[str, str] = {}
_MODERN_KINDS = {"sdk2", "fastmcp"}


def not_yet(kind: str, era: str, scenario: str) -> str | None:
    if reason := NOT_YET_FROM.get(kind) or ALWAYS.get(scenario):
        return reason
    if era != "legacy":
        return None
    return (ACROSS if kind in _MODERN_KINDS else LEGACY).get(scenario)
