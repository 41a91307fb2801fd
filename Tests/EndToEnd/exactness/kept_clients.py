"""The real billing server, but for one thing: it keeps its AWS clients instead of making a new one for every call.

Making one is nine tenths of what a call of that server costs; ten thousand batches would take hours. Everything else is the server's own code.
Run by the Python of `.venv/aws`. That its answers are the unchanged server's is a test of its own.
"""

import functools

from awslabs.billing_cost_management_mcp_server import server
from awslabs.billing_cost_management_mcp_server.tools import cost_explorer_tools
from awslabs.billing_cost_management_mcp_server.utilities import aws_service_base

kept = functools.cache(aws_service_base.create_aws_client)
cost_explorer_tools.create_aws_client = kept

server.main()
