"""The smallest agent that goes through a gateway: one guarded tool, one honest and one hostile call."""

from __future__ import annotations

import os
from pathlib import Path

from yett.sdk import Client, Denied, Held, guard


def main() -> int:
    """Returns 0 if the honest call ran and the hostile one did not."""
    token = Path(os.environ["YETT_TOKEN_FILE"]).read_text().strip()
    ran: list[str] = []
    with Client(os.environ["YETT_SOCKET"], token) as gateway:

        @guard.tool(gateway)
        def read_file(path: str) -> str:
            ran.append(path)
            return "contents"

        for path in ("docs/readme.md", "../../etc/shadow"):
            try:
                read_file(path)
            except (Denied, Held) as refused:
                print(f"{path}: {refused}")
            else:
                print(f"{path}: read")
    return 0 if ran == ["docs/readme.md"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
