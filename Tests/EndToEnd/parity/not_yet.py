"""What Weir does not do yet. A scenario that passes although it is here fails the run, so that it is taken out."""

_LISTS = "Weir passes on tools only: no resources, prompts and completion yet"
_QUESTIONS = "Weir does not pass on what servers ask of clients yet"
_CHANGES = "Weir does not pass on changes and subscriptions yet"
_LOGGING = "Weir does not pass on log messages and their level yet"
_ERRORS = "Weir words errors of upstreams itself, and leaves out their data"
_PAGES = "Weir gives the list of tools on one page"

NOT_YET: dict[str, str] = {
    "handshake": "Weir declares tools only, and gives no instructions of its upstreams",
    "discovery": "Weir declares tools only, and gives no instructions of its upstreams",
    "capabilities": "Weir tells upstreams of no capabilities of its clients",
    "errors": _ERRORS,
    "tools-in-pages": _PAGES,
    "resources": _LISTS,
    "templates": _LISTS,
    "reading": _LISTS,
    "prompts": _LISTS,
    "getting-prompts": _LISTS,
    "completion": _LISTS,
    "logging": _LOGGING,
    "log-level": _LOGGING,
    "log-level-of-a-request": _LOGGING,
    "progress-and-logging": _LOGGING,
    "tool-change": _CHANGES,
    "prompt-change": _CHANGES,
    "resource-change": _CHANGES,
    "subscription": _CHANGES,
    "sampling": _QUESTIONS,
    "elicitation": _QUESTIONS,
    "elicitation-schemas": _QUESTIONS,
    "elicitation-by-url": _QUESTIONS,
    "url-elicitation-required": _QUESTIONS,
    "roots": _QUESTIONS,
    "one-round": _QUESTIONS,
    "two-rounds": _QUESTIONS,
    "several-questions": _QUESTIONS,
    "question-amid-progress": _QUESTIONS,
    "questions-of-resources-and-prompts": _QUESTIONS,
    "request-state": _QUESTIONS,
    "missing-capability": _ERRORS,
    "tasks": "Weir does not pass on tasks yet",
}
# Where a scenario fails only with a server of one era, or with one kind of client.
NOT_YET_AT = {("header-parameters", "modern"): "Weir does not mirror arguments in headers yet"}
NOT_YET_FROM = {"sdk1-sse": "Weir does not serve HTTP+SSE yet"}


def not_yet(kind: str, era: str, scenario: str) -> str | None:
    return NOT_YET_FROM.get(kind) or NOT_YET_AT.get((scenario, era)) or NOT_YET.get(scenario)
