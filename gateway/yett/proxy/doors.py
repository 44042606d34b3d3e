"""All doors of the sidecar besides its own API, for `yett serve` to mount: hooks, decision protocols, proxies."""

from __future__ import annotations

import os
from typing import Any

from starlette.routing import Route

from yett.proxy.hooks import routes as hooks
from yett.proxy.pdp import authzen, envoy, gateways, opa
from yett.proxy.pdp.asking import Authenticate


def routes(gateway: Any, authenticate: Authenticate) -> list[Route]:
    """The routes. `authenticate` turns raw request headers into an identity or raises `YettError`.

    `YETT_TOOLHIVE_SECRET_FILE` names the file with the secret that ToolHive's webhook signs with.
    """
    return [
        *hooks.routes(gateway, authenticate),
        *authzen.routes(gateway, authenticate),
        *opa.routes(gateway, authenticate),
        *envoy.routes(gateway, authenticate),
        *gateways.routes(gateway, authenticate, toolhive_secret=_secret("YETT_TOOLHIVE_SECRET_FILE")),
    ]


def _secret(name: str) -> bytes | None:
    path = os.environ.get(name)
    if not path:
        return None
    with open(path, "rb") as file:
        return file.read(4096).strip() or None
