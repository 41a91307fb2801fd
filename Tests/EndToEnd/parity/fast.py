"""FastMCP's client, which opens with 2026-07-28 where the server has it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import fastmcp
import mcp_types as types
from fastmcp.client.transports import ClientTransport
from mcp import ClientSession
from mcp.client.subscriptions import listen

from .client import TIMEOUT, ParityClient
from .sdk2 import Sdk2, reference


class _Transport(ClientTransport):
    """FastMCP's own transport for Streamable HTTP, with the recorder between it and the session."""

    def __init__(self, owner: "Fast") -> None:
        self._owner = owner

    @contextlib.asynccontextmanager
    async def connect_session(self, *, transport_options: Any = None, **session: Any) -> AsyncIterator[ClientSession]:
        async with self._owner._transport() as (reader, writer), ClientSession(reader, writer, **session) as opened:
            yield opened


class Fast(Sdk2):
    mode = "auto"

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[ParityClient]:
        handlers = {"sampling_handler": self._fast_sample, "elicitation_handler": self._fast_elicit, "roots": self._fast_roots}
        async with fastmcp.Client(
            _Transport(self), mode=self.mode, cache=False, timeout=TIMEOUT, **(handlers if self.able else {})
        ) as self.client:
            self.session = self.client.session
            assert self.client.protocol_version == "2026-07-28"
            yield self

    async def _fast_sample(self, messages: Any, params: Any, context: Any) -> Any:
        return self.answer("sampling/createMessage", params, types.CreateMessageResult)

    async def _fast_elicit(self, message: str, kind: Any, params: Any, context: Any) -> Any:
        return self.answer("elicitation/create", params, types.ElicitResult)

    async def _fast_roots(self, context: Any) -> Any:
        return self.answer("roots/list", None, types.ListRootsResult).roots

    def listen(self, wanted: dict[str, Any]) -> Any:
        return listen(self.session, **wanted)

    async def send(self, method: str, **given: Any) -> Any:
        client = self.client
        match method:
            case "tools/list":
                return await client.list_tools_mcp(cursor=given.get("cursor"))
            case "tools/call":
                progress = self.heard_progress if given.get("progress") else None
                return await client.call_tool_mcp(given["name"], given.get("arguments") or {}, progress_handler=progress, meta=given.get("meta"))
            case "resources/list":
                return await client.list_resources_mcp(cursor=given.get("cursor"))
            case "resources/templates/list":
                return await client.list_resource_templates_mcp(cursor=given.get("cursor"))
            case "resources/read":
                return await client.read_resource_mcp(given["uri"])
            case "prompts/list":
                return await client.list_prompts_mcp(cursor=given.get("cursor"))
            case "prompts/get":
                return await client.get_prompt_mcp(given["name"], given.get("arguments"))
            case "completion/complete":
                return await client.complete_mcp(reference(given["ref"]), given["argument"], given.get("context"))
        return await self.send_rarely(method, **given)
