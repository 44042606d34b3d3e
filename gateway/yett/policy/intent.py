"""What a prompt asks for, as capabilities: the words of the person who opened the session, not of the agent.

The ledger computes it once when a session is opened with a prompt and keeps it as labels (`intent:pay`), which
`intent("pay")` reads. It is a list of English words and errs towards seeing an intent, so it belongs where it
tightens: `hold … when: not intent("delete")`. As the only reason to allow something it is too weak.
"""

from __future__ import annotations

from yett.policy import lexicon

PREFIX = "intent:"
DELEGATED = "delegated"
MAX_PROMPT = 65_536


def of_prompt(prompt: str) -> tuple[str, ...]:
    """Labels of the capabilities that any word of the prompt names, sorted; `DELEGATED` if a text shall say what to do."""
    prompt = prompt[:MAX_PROMPT]
    labels = {PREFIX + capability for capability in lexicon.of_prompt(prompt)}
    return tuple(sorted(labels | {DELEGATED} if lexicon.delegates(prompt) else labels))
