"""Run every benchmark of this folder and print its figures: `make bench` (or name some: `… bench_shell`)."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path


def main(names: list[str]) -> int:
    """Each `bench_*.py` has a `main()` that prints; a benchmark that fails is reported and fails the run."""
    print(f"python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    failed = 0
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        if names and path.stem not in names:
            continue
        print(f"\n== {path.stem}", flush=True)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
            module.main()
        except Exception as error:
            failed += 1
            print(f"failed: {type(error).__name__}: {error}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
