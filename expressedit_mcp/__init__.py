"""ExpressEdit MCP: an MCP server that edits the facial expressions of illustrated characters."""

__version__ = "0.1.0"
