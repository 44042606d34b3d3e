"""`python -m yett.serve.probe SOCKET`: is the gateway ready? For health checks of containers.

Standard library and the SDK's own parser only, so that a probe every few seconds costs little.

Exit status: 0 ready, 1 not ready or not reachable, 2 wrong usage.
"""

from __future__ import annotations

import socket
import sys

from yett.sdk.errors import TransportError
from yett.sdk.http import ResponseParser, encode_request


def ready(path: str, timeout: float = 2.0) -> bool:
    """Whether the gateway behind the Unix socket answers that it can judge and record."""
    request = encode_request("GET", "/readyz", "localhost", (), None)
    try:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(timeout)
            channel.connect(path)
            channel.sendall(request)
            parser = ResponseParser()
            while (response := parser.feed(channel.recv(65536))) is None:
                continue
    except (OSError, TransportError):
        return False
    return response.status == 200


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: python -m yett.serve.probe SOCKET", file=sys.stderr)
        raise SystemExit(2)
    raise SystemExit(0 if ready(sys.argv[1]) else 1)
