"""Puts this folder on the path, for `wireside`, which several test files here share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
