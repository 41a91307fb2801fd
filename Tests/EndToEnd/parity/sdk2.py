"""The client of the current SDK, pinned to 2026-07-28 or in the handshake era."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from .client import TIMEOUT, ParityClient

LOG_LEVEL = "io.modelcontextprotocol/logLevel"


def reference(ref: dict[str, Any]) -> types.PromptReference | types.ResourceTemplateReference:
    kind = types.PromptReference if ref["type"] == "ref/prompt" else types.ResourceTemplateReference
    return kind.model_validate(ref)


class Sdk2(ParityClient):
    mode = "2026-07-28"
    era = "modern"

    @contextlib.asynccontextmanager
    async def _transport(self) -> AsyncIterator[Any]:
        # No certificates: to read them takes longer than the rest.
        http = httpx2.AsyncClient(verify=False, timeout=httpx2.Timeout(30, read=300), event_hooks={"response": [self.watch]})
        async with http, streamable_http_client(self.url, http_client=http) as (reader, writer):
            yield self.tapped(reader, writer)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[ParityClient]:
        handlers = {"sampling_callback": self._sample, "elicitation_callback": self._elicit, "list_roots_callback": self._roots}
        async with Client(
            self._transport(), mode=self.mode, cache=None, log_level="debug", read_timeout_seconds=TIMEOUT, **(handlers if self.able else {})
        ) as self.client:
            self.session = self.client.session
            assert self.session.protocol_version == ("2026-07-28" if self.era == "modern" else "2025-11-25")
            yield self

    async def _sample(self, context: Any, params: Any) -> Any:
        return self.answer("sampling/createMessage", params, types.CreateMessageResult)

    async def _elicit(self, context: Any, params: Any) -> Any:
        return self.answer("elicitation/create", params, types.ElicitResult)

    async def _roots(self, context: Any) -> Any:
        return self.answer("roots/list", None, types.ListRootsResult)

    @contextlib.asynccontextmanager
    async def listening(self, *uris: str) -> AsyncIterator[None]:
        if self.era == "legacy":
            async with super().listening(*uris):
                yield
            return
        wanted = {f"{kind}_list_changed": True for kind in ("tools", "prompts", "resources")} if not uris else {"resource_subscriptions": uris}
        step = self.recorder.begin("subscriptions/listen", "subscriptions/listen")
        stream = contextlib.AsyncExitStack()
        try:
            await stream.enter_async_context(self.listen(wanted))
        except Exception as problem:
            step["raised"] = type(problem).__name__
            self.deaf = True
        async with stream:
            yield

    def listen(self, wanted: dict[str, Any]) -> Any:
        return self.client.listen(**wanted)

    async def send(self, method: str, **given: Any) -> Any:
        client, meta = self.client, given.get("meta")
        match method:
            case "tools/list":
                return await client.list_tools(cursor=given.get("cursor"))
            case "tools/call":
                progress = self.heard_progress if given.get("progress") else None
                return await client.call_tool(given["name"], given.get("arguments"), progress_callback=progress, meta=meta)
            case "resources/list":
                return await client.list_resources(cursor=given.get("cursor"))
            case "resources/templates/list":
                return await client.list_resource_templates(cursor=given.get("cursor"))
            case "resources/read":
                return await client.read_resource(given["uri"])
            case "prompts/list":
                return await client.list_prompts(cursor=given.get("cursor"))
            case "prompts/get":
                return await client.get_prompt(given["name"], given.get("arguments"))
            case "completion/complete":
                return await client.complete(reference(given["ref"]), given["argument"], given.get("context"))
        return await self.send_rarely(method, **given)

    async def send_rarely(self, method: str, **given: Any) -> Any:
        """What only one era has, and what the session has and the client over it does not."""
        session = self.session
        match method:
            case "server/discover":
                return await session.send_discover("2026-07-28")
            case "ping":
                return await session.send_ping()
            case "logging/setLevel":
                return await session.set_logging_level(given["level"])
            case "resources/subscribe":
                return await session.subscribe_resource(given["uri"])
            case "resources/unsubscribe":
                return await session.unsubscribe_resource(given["uri"])
            case "tools/call by hand":
                answers, state = given.get("answers"), given.get("state")
                return await session.call_tool(given["name"], input_responses=answers, request_state=state, allow_input_required=True)
        raise NotImplementedError(method)

    async def heard_progress(self, progress: float, total: float | None, message: str | None) -> None:
        """The recorder has heard it on the wire."""


class Sdk2Legacy(Sdk2):
    mode = "legacy"
    era = "legacy"
