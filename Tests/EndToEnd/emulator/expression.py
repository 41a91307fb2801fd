"""Cost Explorer's filter expressions, evaluated on ledger lines."""

from collections.abc import Callable
from typing import Any

from .errors import invalid
from .ledger import Line

Predicate = Callable[[Line], bool]

_ROOTS = {"And", "Or", "Not", "Dimensions", "Tags", "CostCategories"}

_MATCHERS: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda have, want: have == want,
    "STARTS_WITH": lambda have, want: have.startswith(want),
    "ENDS_WITH": lambda have, want: have.endswith(want),
    "CONTAINS": lambda have, want: want in have,
    "GREATER_THAN_OR_EQUAL": lambda have, want: have >= want,
}


def compile_filter(expression: dict[str, Any] | None) -> Predicate:
    """A predicate for the expression; everything passes where there is none. Exactly one root is allowed, as the service demands."""
    if expression is None:
        return lambda line: True
    if not isinstance(expression, dict) or len(expression) != 1 or not set(expression) <= _ROOTS:
        raise invalid("Expression must have exactly one root: And, Or, Not, Dimensions, Tags or CostCategories.")
    (root, body), = expression.items()
    if root in ("And", "Or"):
        if not isinstance(body, list) or len(body) < 2:
            raise invalid(f"{root} needs at least two expressions.")
        parts = [compile_filter(part) for part in body]
        combine = all if root == "And" else any
        return lambda line: combine(part(line) for part in parts)
    if root == "Not":
        part = compile_filter(body)
        return lambda line: not part(line)
    return _leaf(root, body)


def lookup(root: str, key: str) -> Callable[[Line], str | None]:
    """How a line's value of a dimension, tag or cost category is found; None where the line has none."""
    if root == "Dimensions":
        return lambda line: line.dimensions.get(key)
    if root == "Tags":
        return lambda line: line.tags.get(key)
    return lambda line: line.categories.get(key)


def _leaf(root: str, body: dict[str, Any]) -> Predicate:
    key = body.get("Key")
    if not isinstance(key, str):
        raise invalid(f"{root} needs a Key.")
    values = body.get("Values") or []
    options = set(body.get("MatchOptions") or ["EQUALS", "CASE_SENSITIVE"])
    value_of = lookup(root, key)
    if "ABSENT" in options or (root != "Dimensions" and not values):
        if "ABSENT" in options and root == "Dimensions":
            raise invalid("ABSENT is not supported for Dimensions.")
        return lambda line: value_of(line) is None
    if not values:
        raise invalid(f"{root} {key} needs Values.")
    unknown = options - set(_MATCHERS) - {"CASE_SENSITIVE", "CASE_INSENSITIVE"}
    if unknown:
        raise invalid(f"Unknown MatchOptions: {', '.join(sorted(unknown))}")
    matchers = [_MATCHERS[option] for option in options if option in _MATCHERS] or [_MATCHERS["EQUALS"]]
    fold = str.casefold if "CASE_INSENSITIVE" in options else str
    wanted = [fold(value) for value in values]

    def matches(line: Line) -> bool:
        # An empty value stands for lines without the tag.
        have = fold(value_of(line) or "")
        return any(matcher(have, want) for matcher in matchers for want in wanted)

    return matches
