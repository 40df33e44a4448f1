"""The server on stdin and stdout, for clients that start it themselves."""

import anyio
from mcp.server.stdio import stdio_server

from stepscope_collector.config import McpConfig
from stepscope_collector.present.mcp.server import OpenAsker, mcp_server

__all__ = ["serve_stdio"]


def serve_stdio(open_asker: OpenAsker, config: McpConfig) -> None:
    """Answer until stdin ends."""
    anyio.run(_serve, open_asker, config)


async def _serve(open_asker: OpenAsker, config: McpConfig) -> None:
    server = mcp_server(open_asker, config)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())
