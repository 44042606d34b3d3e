"""What a prompt asks for, as capabilities: the words of the person who opened the session, not of the agent.

The ledger computes it once when a session is opened with a prompt and keeps it as labels (`intent:pay`), which
`intent("pay")` reads. It is a list of English words and errs towards seeing an intent, so it belongs where it
tightens: `hold … when: not intent("delete")`. As the only reason to allow something it is too weak.
"""

from __future__ import annotations

from yett.extract.infer import VERBS

PREFIX = "intent:"
MAX_PROMPT = 65_536


def of_prompt(prompt: str) -> tuple[str, ...]:
    """Labels of the capabilities that any word of the prompt names, sorted."""
    words = frozenset("".join(c if c.isalnum() else " " for c in prompt[:MAX_PROMPT].casefold()).split())
    found = {capability for capability, verbs in VERBS.items() if words & verbs or _stems(words) & verbs}
    return tuple(sorted(PREFIX + capability for capability in found))


def _stems(words: frozenset[str]) -> frozenset[str]:
    """Plain forms of `paying`, `invited`, `deletes`; a wrong one is no verb and does no harm."""
    found = set()
    for word in words:
        for ending in ("s", "es", "d", "ed", "ing"):
            if len(word) > len(ending) + 2 and word.endswith(ending):
                stem = word.removesuffix(ending)
                found |= {stem, stem + "e"}
    return frozenset(found)
