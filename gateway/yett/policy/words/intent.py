"""What a prompt asks for, as capabilities: the words of the person who opened the session, not of the agent.

The ledger computes it once when a session is opened with a prompt and keeps it as labels (`intent:pay`), which
`intent("pay")` reads. It goes by lists of words and errs towards seeing an intent, so it belongs where it tightens:
`hold … when: not intent("delete")`. As the only reason to allow something it is too weak.
"""

from __future__ import annotations

from yett.policy.words import lexicon, tongues
from yett.policy.words.asking import delegates, only_looks
from yett.policy.words.harm import is_harmful

PREFIX = "intent:"
DELEGATED = "delegated"
ONLY_LOOKS = "only_looks"
HARMFUL = "harmful"
UNREAD = "unread_prompt"
MAX_PROMPT = 65_536


def of_prompt(prompt: str) -> tuple[str, ...]:
    """Labels of the capabilities that any word of the prompt names, sorted, and of what it is as a whole.

    `DELEGATED` if a text shall say what to do, `ONLY_LOOKS` if it asks only to be told something, `HARMFUL` if it
    asks for what hurts others, `UNREAD` if it is in a language of which too few words are known.
    """
    prompt = prompt[:MAX_PROMPT]
    foreign = tongues.is_foreign(prompt)
    known = tongues.of_prompt(prompt) if foreign else set()
    labels = {PREFIX + capability for capability in lexicon.of_prompt(prompt) | known}
    if foreign and not known - {"read"}:
        labels.add(ONLY_LOOKS if known and tongues.is_single(prompt) else UNREAD)
    elif not foreign and only_looks(prompt):
        labels.add(ONLY_LOOKS)
    elif not foreign and delegates(prompt):
        labels.add(DELEGATED)
    if is_harmful(prompt):
        labels.add(HARMFUL)
    return tuple(sorted(labels))
