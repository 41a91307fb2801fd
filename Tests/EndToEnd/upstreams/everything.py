"""An upstream with every feature of the protocol, in both eras; its answers are always the same.

``everything.py`` speaks on standard input and output; ``everything.py PORT`` over Streamable HTTP at ``/mcp`` and, with ``--sse``, over the HTTP+SSE of
2024-11-05 at ``/sse``. ``--era legacy`` or ``modern`` refuses the other one. Names are those of the conformance suite's fixture where it has them.
"""

import argparse
import asyncio
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.sse import SseServerTransport
from mcp.server.stdio import stdio_server
from starlette.responses import Response
from starlette.routing import Mount, Route

from fixture import changes, prompts, registry, resources, tasks, tools_asking, tools_effects, tools_plain, wire  # noqa: F401
from fixture.eras import OneEra

CACHEABLE = ("tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read")


class Everything(Server):
    """Declares what the SDK cannot be told from outside: changes of the lists, and tasks in the era that has them."""

    def create_initialization_options(self, *arguments: Any, **options: Any) -> Any:
        return super().create_initialization_options(NotificationOptions(True, True, True))

    def get_capabilities(self, *arguments: Any, **options: Any) -> types.ServerCapabilities:
        capabilities = super().get_capabilities(*arguments, **options)
        if options.get("protocol_version") != wire.MODERN:
            capabilities.tasks = types.ServerTasksCapability.model_validate(tasks.CAPABILITY)
        return capabilities


def make_server() -> Server:
    server = Everything(
        "everything",
        version="1.0",
        title="Everything",
        instructions="A server with every feature.\nIts tools begin with test_.",
        cache_hints={method: CacheHint(ttl_ms=5000, scope="public") for method in CACHEABLE},
        on_list_tools=registry.list_tools,
        on_call_tool=registry.call_tool,
        on_list_resources=resources.list_resources,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.read,
        on_subscribe_resource=changes.subscribe,
        on_unsubscribe_resource=changes.unsubscribe,
        on_subscriptions_listen=changes.listen,
        on_list_prompts=prompts.list_prompts,
        on_get_prompt=prompts.get,
        on_completion=prompts.complete,
        on_set_logging_level=changes.set_level,
    )
    server.add_notification_handler("notifications/initialized", types.NotificationParams, changes.initialized)
    server.add_notification_handler("notifications/roots/list_changed", types.NotificationParams, changes.roots_changed)
    for method, (params, handler) in tasks.HANDLERS.items():
        server.add_request_handler(method, params, handler)
    server.middleware += [wire.keep_unknown_members, tasks.create]
    return server


def sse_routes(server: Server) -> list[Route | Mount]:
    transport = SseServerTransport("/messages/")

    async def connect(request: Any) -> Response:
        async with transport.connect_sse(request.scope, request.receive, request._send) as (reader, writer):
            await server.run(reader, writer, server.create_initialization_options())
        return Response()

    return [Route("/sse", endpoint=connect), Mount("/messages/", app=transport.handle_post_message)]


async def serve_stdio(server: Server) -> None:
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int, nargs="?")
    parser.add_argument("--sse", action="store_true")
    parser.add_argument("--era", choices=["legacy", "modern", "both"], default="both")
    options = parser.parse_args()
    server = make_server()
    if options.port is None:
        asyncio.run(serve_stdio(server))
        return
    application: Any = server.streamable_http_app(custom_starlette_routes=sse_routes(server) if options.sse else None)
    if options.era != "both":
        application = OneEra(application, options.era)
    uvicorn.run(application, host="127.0.0.1", port=options.port, log_level="warning", timeout_graceful_shutdown=1)


main()
