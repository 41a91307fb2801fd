"""Page tokens that know which request they belong to."""

import base64
import hashlib
import json
from typing import Any

from .errors import ServiceError


def _digest(request: dict[str, Any]) -> str:
    rest = {name: value for name, value in request.items() if name not in ("NextPageToken", "NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:16]


def offset_of(request: dict[str, Any], member: str = "NextPageToken") -> int:
    """Where the page that the request asks for begins."""
    token = request.get(member)
    if token is None:
        return 0
    try:
        offset, digest = json.loads(base64.b64decode(token, validate=True))
    except ValueError as error:
        raise ServiceError("InvalidNextTokenException", "The pagination token is invalid. Try again without a pagination token.") from error
    if digest != _digest(request):
        raise ServiceError("RequestChangedException", "Your request parameters changed between pages.")
    return int(offset)


def token_for(request: dict[str, Any], offset: int) -> str:
    return base64.b64encode(json.dumps([offset, _digest(request)]).encode()).decode()
