"""The real servers, but for one thing: they keep their AWS clients instead of making a new one for every call.

Making one is nine tenths of what a call of these servers costs; ten thousand batches would take hours. Everything else is the servers' own code.
Run by the Python of `.venv/aws`, with `billing` or `pricing`. That the answers are the unchanged server's is a test of its own.
"""

import functools
import sys

if sys.argv[1] == "pricing":
    from awslabs.aws_pricing_mcp_server import server

    server.create_pricing_client = functools.cache(server.create_pricing_client)
else:
    from awslabs.billing_cost_management_mcp_server import server
    from awslabs.billing_cost_management_mcp_server.tools import cost_explorer_tools

    cost_explorer_tools.create_aws_client = functools.cache(cost_explorer_tools.create_aws_client)

# The servers read arguments of their own.
sys.argv = sys.argv[:1]
server.main()
