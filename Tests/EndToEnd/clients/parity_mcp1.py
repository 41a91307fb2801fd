"""The parity scenarios with the client of the 1.x line, run with a Python of its own: ``python parity_mcp1.py http|sse URL SCENARIO…``.

Prints one JSON object: scenario → recording.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from mcp import ClientSession, types
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamablehttp_client
from pydantic import AnyUrl

from parity.client import TIMEOUT, ParityClient
from parity.scenarios import SCENARIOS, record


class Sdk1(ParityClient):
    def _http(self, **options: Any) -> Any:
        # No certificates: to read them takes longer than the rest.
        return httpx.AsyncClient(verify=False, follow_redirects=True, event_hooks={"response": [self.watch]}, **options)

    def transport(self) -> Any:
        return streamablehttp_client(self.url, httpx_client_factory=self._http)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[ParityClient]:
        handlers = {"sampling_callback": self._sample, "elicitation_callback": self._elicit, "list_roots_callback": self._roots}
        # What the scenarios call each task, and what its server calls it.
        self.made: dict[str, str] = {}
        async with self.transport() as streams, ClientSession(
            *self.tapped(*streams[:2]), read_timeout_seconds=timedelta(seconds=TIMEOUT), **(handlers if self.able else {})
        ) as self.session:
            await self.session.initialize()
            yield self

    async def _sample(self, context: Any, params: Any) -> Any:
        return self.answer("sampling/createMessage", params, types.CreateMessageResult)

    async def _elicit(self, context: Any, params: Any) -> Any:
        return self.answer("elicitation/create", params, types.ElicitResult)

    async def _roots(self, context: Any) -> Any:
        return self.answer("roots/list", None, types.ListRootsResult)

    async def abandon(self, request_id: Any) -> None:
        cancelled = types.CancelledNotification(params=types.CancelledNotificationParams(requestId=request_id, reason="no longer wanted"))
        await self.session.send_notification(types.ClientNotification(cancelled))

    async def heard_progress(self, progress: float, total: float | None, message: str | None) -> None:
        """The recorder has heard it on the wire."""

    async def send(self, method: str, **given: Any) -> Any:
        session, page = self.session, types.PaginatedRequestParams(cursor=given.get("cursor"))
        match method:
            case "tools/list":
                return await session.list_tools(params=page)
            case "tools/call" if "task" in given:
                made = await session.experimental.call_tool_as_task(given["name"], given.get("arguments"), ttl=given["task"])
                self.made[f"task-{given['arguments']['label']}"] = made.task.taskId
                return made
            case "tools/call":
                progress = self.heard_progress if given.get("progress") else None
                return await session.call_tool(given["name"], given.get("arguments"), progress_callback=progress, meta=given.get("meta"))
            case "resources/list":
                return await session.list_resources(params=page)
            case "resources/templates/list":
                return await session.list_resource_templates(params=page)
            case "resources/read":
                return await session.read_resource(AnyUrl(given["uri"]))
            case "prompts/list":
                return await session.list_prompts(params=page)
            case "prompts/get":
                return await session.get_prompt(given["name"], given.get("arguments"))
            case "completion/complete":
                kind = types.PromptReference if given["ref"]["type"] == "ref/prompt" else types.ResourceTemplateReference
                return await session.complete(kind.model_validate(given["ref"]), given["argument"], given.get("context"))
        return await self.send_rarely(method, **given)

    async def send_rarely(self, method: str, **given: Any) -> Any:
        session, tasks = self.session, self.session.experimental
        match method:
            case "ping":
                return await session.send_ping()
            case "logging/setLevel":
                return await session.set_logging_level(given["level"])
            case "resources/subscribe":
                return await session.subscribe_resource(AnyUrl(given["uri"]))
            case "resources/unsubscribe":
                return await session.unsubscribe_resource(AnyUrl(given["uri"]))
            case "tasks/get":
                return await tasks.get_task(self.made[given["name"]])
            case "tasks/result":
                return await tasks.get_task_result(self.made[given["name"]], types.CallToolResult)
            case "tasks/cancel":
                return await tasks.cancel_task(self.made[given["name"]])
            case "tasks/list":
                return await tasks.list_tasks()
        raise NotImplementedError(method)


class Sdk1OverSSE(Sdk1):
    def transport(self) -> Any:
        return sse_client(self.url, httpx_client_factory=self._http)


async def main(transport: str, url: str, *names: str) -> None:
    kind = {"http": Sdk1, "sse": Sdk1OverSSE}[transport]
    print(json.dumps({name: await record(kind, url, SCENARIOS[name]) for name in names}))


asyncio.run(main(*sys.argv[1:]))
