"""Where Weir differs. A scenario that passes although it is here fails the run, so that it is taken out."""

_PAGES = "pages of lists are Weir's own (decision 10)"
_DATA = "what errors of upstreams say in their data stays behind, and URLs in their messages (security)"

ALWAYS: dict[str, str] = {
    "errors": _DATA,
    "reading": _DATA,
    "tools-in-pages": _PAGES,
    "resources": _PAGES,
    "templates": _PAGES,
    "prompts": _PAGES,
    "prompt-change": _PAGES,
    "resource-change": _PAGES,
}


def not_yet(scenario: str) -> str | None:
    return ALWAYS.get(scenario)
