"""MCP on raw JSON-RPC: the protocol core without I/O. Drivers are `proxy.stdio` and `proxy.http`."""
