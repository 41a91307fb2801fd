"""The FastMCP proxy with its caching middleware, as its documentation sets it up: ``python fastmcp_proxy.py PORT UPSTREAM_URL``."""

import sys

from fastmcp.server import create_proxy
from fastmcp.server.middleware.caching import ResponseCachingMiddleware

proxy = create_proxy(sys.argv[2], name="proxy")
proxy.add_middleware(ResponseCachingMiddleware(call_tool_settings={"included_tools": ["report"]}))
proxy.run("http", host="127.0.0.1", port=int(sys.argv[1]), stateless_http=True, json_response=True, show_banner=False, log_level="ERROR")
