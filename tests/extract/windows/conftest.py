"""What the tests of Windows commands share."""

from __future__ import annotations

import re

import pytest
import yaml

from yett import resources


@pytest.fixture(scope="session")
def neutral() -> frozenset[str]:
    """The flags that describe a command and say nothing against it: what `windows-notable` passes over."""
    family = yaml.safe_load((resources.policies() / "detections" / "windows.yaml").read_text("utf-8"))
    (notable,) = [one for one in family["detections"] if one["id"] == "windows-notable"]
    return frozenset(re.findall(r'"(\w+)"', notable["when"].partition("f not in")[2]))
