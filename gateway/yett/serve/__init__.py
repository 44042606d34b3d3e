"""The sidecar: decisions over HTTP, on a Unix socket or a loopback port.

The way of a request:

1. `run` opens the gateway and its listeners, `serving` runs uvicorn on them, `protocol` bounds what a client may take
   its time for;
2. `asgi` is the front door: `auth` says who asks, `ratelimit` how often they may; decisions and outcomes take a short
   way (`exchange`), everything else goes to FastAPI (`app`, `routes`, `desk`, `openapi`);
3. whatever is refused is a problem document (`problems`).

With `--workers`, `crew` starts processes that judge (`worker`) and keep nothing. While it runs: `anchoring` takes the
log's head elsewhere, `noting` enters credentials in the log, `webhook` tells of what waits for a person, `metrics` and
`log` say how it goes. `beside` is a sidecar for a gateway that lives in another program.
"""
