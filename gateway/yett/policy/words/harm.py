"""Whether the errand a prompt asks for is itself the harm, by the words of `policies/harm.yaml`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml

from yett import resources
from yett.errors import PolicyError
from yett.extract.patterns import PatternSet


class _Words:
    def __init__(self, path: Path) -> None:
        try:
            document = yaml.safe_load(path.read_text("utf-8"))
            harm, about = ([str(each) for each in document[key]] for key in ("harm", "about"))
        except (OSError, yaml.YAMLError, TypeError, KeyError) as broken:
            raise PolicyError("HARM", "the words of harmful prompts do not load", path=str(path)) from broken
        self.about = len(harm)
        self.set = PatternSet(harm + about, fold=True)


@lru_cache(maxsize=1)
def _words() -> _Words:
    return _Words(resources.policies() / "harm.yaml")


def is_harmful(prompt: str) -> bool:
    """Whether it names a harm and nothing that shows that it is only about one."""
    table = _words()
    hits = table.set.scan(prompt.encode("utf-8", "replace"))
    return bool(hits) and all(index < table.about for index in hits)
