"""Put what the commands print into README.md, between their markers: `make readme`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
SHOWN = {
    "demo": ["demo", "--plain"],
    "check": ["check", "shell", "command=env -S'rm -rf /srv'"],
}


def main() -> None:
    """Run each command and replace its excerpt."""
    text = README.read_text()
    for name, words in SHOWN.items():
        yett = Path(sys.executable).with_name("yett")
        printed = subprocess.run([yett, *words], capture_output=True, text=True, check=False).stdout.strip(
            "\n"
        )
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(start)
        after = rest.partition(end)[2]
        text = f"{before}{start}\n```\n{printed}\n```\n{end}{after}"
    README.write_text(text)


if __name__ == "__main__":
    main()
