"""Where Weir differs. A scenario that passes although it is here fails the run, so that it is taken out."""

_PAGES = "Weir gives each list on one page (decision 10)"
_WORDS = "Weir says in its own words that it has no such tool or prompt"
_DATA = "what errors of upstreams say in their data stays behind, and URLs in their messages (security)"
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
# With servers of the handshake era, by clients of the same.
LEGACY: dict[str, str] = {"handshake": _TASKS, "tasks": _TASKS}
_MODERN_KINDS = {"sdk2", "fastmcp"}


def not_yet(kind: str, era: str, scenario: str) -> str | None:
    if reason := ALWAYS.get(scenario):
        return reason
    return LEGACY.get(scenario) if era == "legacy" and kind not in _MODERN_KINDS else None
