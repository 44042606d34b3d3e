"""Gates that sit where calls pass anyway, so that no agent has to be changed.

- `mcp`: the MCP protocol without I/O; `stdio` and `http` are its drivers, `upstream` the servers behind it.
- `hooks`: what coding agents run before each of their tools.
- `pdp`: Yett as the decision point of other products (Envoy, OPA, AuthZEN, ToolHive, Docker).
- `toolproxy`: an HTTP proxy that adds the credentials which the agent never sees (`secrets`).
- `survey`: what on this machine acts through tools, and which of it stands behind a gate.

`doors` mounts them in the sidecar, by `config`; `pins` remembers what servers said of their tools, `kept` what a door
remembers for each credential.
"""
