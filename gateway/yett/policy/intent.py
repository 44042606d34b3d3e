"""What a prompt asks for, as capabilities: the words of the person who opened the session, not of the agent.

The ledger computes it once when a session is opened with a prompt and keeps it as labels (`intent:pay`), which
`intent("pay")` reads. It is a list of English words and errs towards seeing an intent, so it belongs where it
tightens: `hold … when: not intent("delete")`. As the only reason to allow something it is too weak.
"""

from __future__ import annotations

from yett.policy import lexicon
from yett.policy.asking import delegates, names_address, only_looks
from yett.policy.harm import is_harmful

PREFIX = "intent:"
DELEGATED = "delegated"
ONLY_LOOKS = "only_looks"
HARMFUL = "harmful"
ADDRESSED = "addressed"
MAX_PROMPT = 65_536


def of_prompt(prompt: str) -> tuple[str, ...]:
    """Labels of the capabilities that any word of the prompt names, sorted, and of what it is as a whole.

    `DELEGATED` if a text shall say what to do, `ONLY_LOOKS` if it asks only to be told something, `HARMFUL` if it
    asks for what hurts others, `ADDRESSED` if it names a mailbox or an account.
    """
    prompt = prompt[:MAX_PROMPT]
    labels = {PREFIX + capability for capability in lexicon.of_prompt(prompt)}
    if only_looks(prompt):
        labels.add(ONLY_LOOKS)
    elif delegates(prompt):
        labels.add(DELEGATED)
    if names_address(prompt):
        labels.add(ADDRESSED)
    if is_harmful(prompt):
        labels.add(HARMFUL)
    return tuple(sorted(labels))
