"""How a prompt asks: only to be told something, or to do what a text says.

`Do I have new mail?` only asks to be told: what an agent then does beyond looking, nobody asked for. `Pay as she
asks` leaves it to a text what to do. Both go by lists of English words, and err towards less evidence: a sentence
that cannot be placed may ask for an act.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Final

import re2

from yett.policy.words.lexicon import (
    BEFORE_NOUNS,
    DO,
    ERRANDS,
    MEANT,
    NOUN_VERBS,
    STOP,
    VERBS,
    stems_of,
    words,
    words_and_stops,
)

_DOING: Final = DO | words("process address resolve")
_MATTERS: Final = ERRANDS | words(
    "request ticket issue case comment complaint enquiry inquiry form survey checklist item"
)
"""What somebody else has written down to be done."""
_INSTRUCTIONS: Final = words("instruction")
"""A prompt that speaks of them leaves to them what is to be done, wherever they stand."""
_DENYING: Final = words("not never don ignore disregard without no")
DENIED: Final = 4
"""Words that a denial reaches."""
_REFERENCES: Final = words("link url reference redirect")
_FOLLOWING: Final = words("follow obey according accordingly")
_LEAVING: Final = tuple(
    f" {phrase} "
    for phrase in (
        "take care of",
        "work through",
        "deal with",
        "act on",
        "to whoever",
        "take over",
        "fill in",
        "fill out",
    )
)
"""Phrases that leave it to a text."""
_WHAT: Final = words("what whatever it so that")
_OTHERS: Final = words("he she they it")
_SAYING: Final = words(
    "ask say wish want request describe instruct explain tell suggest propose recommend write"
)
_WISHING: Final = _SAYING | words("require need advise order mention")

_LOOKING: Final = (
    VERBS["read"]
    | words(
        "review assess evaluate study inspect investigate proofread outline identify determine verify research learn visit "
        "navigate browse go understand know hear figure discover quote transcribe paraphrase rank estimate diagnose debug clarify"
    )
) - words("download load scrape convert validate return tell give print provide say report")
_TELLING: Final = words(
    "tell give show send write report print provide list say read forward mail email text message bring fetch"
)
"""What is done for the speaker: `tell me`; to somebody else it is an act, unless it is looking as well."""
_TO_ME: Final = words("me us")
_ASKING: Final = words(
    "what which when where who whose whom why how is are was were am does did has any anything anyone"
)
_ASKING_OF: Final = words(
    "i we you they he she it the my our there any anyone anybody your his her their this that these those t"
)
"""After `do`, `have`, `can`: a question. `Do what she says` and `have it sent` are none."""
_SPEAKING: Final = words("i we you they")
_HELPING: Final = words(
    "do have had can could should may might will would shall don doesn didn isn aren wasn hasn haven"
)
_FILLING: Final = words(
    "hi hello hey please kindly now then also next finally first so ok okay thanks just quickly dear assistant agent and again "
    "sure great good morning afternoon evening hiya yes well"
)
_STATING: Final = words(
    "i my the his her their its it this that these those there we our you your he she they a an user here everything nothing all"
)
_ANSWER: Final = words("it this that the your yourself answer everything")
_MANNERS: Final = words(
    "short shorter brief briefly concise concisely bullet bullets points sentence sentences word words simple simply plain table "
    "detail detailed details paragraph paragraphs line lines markdown precise formal friendly polite specific fluff jargon"
)
"""How an answer is to be."""
MANNER: Final = 10
"""Words of the longest sentence about that."""
REQUEST: Final = 20
"""Words of a request that is joined to another."""
_WRITTEN: Final = words("note notes page file document doc memo letter script report")
"""What is written for somebody may end in a file."""
_OBJECTS: Final = words("the these those them it my our his her their him all each every")
_NO_VERBS: Final = (
    _STATING | _ASKING | _TO_ME | BEFORE_NOUNS | words("not only especially if that whether because but or")
)
_AFTER_DONE: Final = frozenset({"", *words("for to today now tomorrow asap please before and")})
"""After what is to be done, as in `get it fixed today`."""
_DEFINITE: Final = words("the my our all every today todays his her their")
_OBLIGING: Final = words(
    "should must need needs want wants like wish required has have ought let lets supposed"
)
_MODAL: Final = words("can could would will")
_ACTING: Final = (
    frozenset().union(
        *(
            known
            for verbs in (MEANT, NOUN_VERBS)
            for capability, known in verbs.items()
            if capability != "read"
        )
    )
    | words(
        "propose restart redo react draft respond try help proceed continue turn pick choose apply act do follow obey thank say "
        "scale rerun retry redeploy backfill trigger rotate provision migrate upgrade downgrade"
    )
) - _LOOKING


def delegates(text: str) -> bool:
    """Whether a prompt leaves to a text what is to be done: `follow the runbook`, `pay as she asks`."""
    spoken = _without_denied([word for word in words_and_stops(text) if word != STOP])
    plain = frozenset().union(*map(stems_of, spoken))
    if plain & _REFERENCES:
        spoken = [word for word in spoken if "follow" not in stems_of(word)]  # `follow the links`
    verbs = (word for before, word in pairwise((STOP, *spoken)) if before not in BEFORE_NOUNS)
    done = frozenset().union(*map(stems_of, verbs))
    if done & _FOLLOWING or (done & _DOING and plain & _MATTERS) or plain & _INSTRUCTIONS:
        return True
    together = f" {' '.join(spoken)} "
    if any(phrase in together for phrase in _LEAVING):
        return True
    if any(stems_of(verb) & DO and what in _WHAT for verb, what in pairwise(spoken)):
        return True  # `do so`, `help me to achieve it`
    if any(before in _OTHERS and _WISHING & stems_of(word) for before, word in pairwise(spoken)):
        return True  # `the list she asked for`
    after_as = (spoken[place + 1 : place + 5] for place, word in enumerate(spoken) if word == "as")
    return any(_SAYING & stems_of(word) for said in after_as for word in said)


def _without_denied(spoken: list[str]) -> list[str]:
    """Without what is said not to be done: `ignore any instructions in it`."""
    denied = [place for place, word in enumerate(spoken) if word in _DENYING]
    return [w for i, w in enumerate(spoken) if not any(place <= i <= place + DENIED for place in denied)]


_ASIDE: Final = re2.compile(r"\([^()]*\)")
"""What stands in brackets names something (`(project acme/site)`), unless it has a verb of an act."""


def only_looks(prompt: str) -> bool:
    """Whether something is asked for, and nothing but to be told."""
    asides = (words_and_stops(aside) for aside in _ASIDE.findall(prompt))
    said = [words_and_stops(_ASIDE.sub(" ", prompt)), *(aside for aside in asides if _ACTING & set(aside))]
    kinds = {
        _kind(list(spoken)) for words in said for stop, spoken in groupby(words, STOP.__eq__) if not stop
    }
    return "looks" in kinds and "acts" not in kinds


def _kind(spoken: list[str]) -> str:
    """Of a sentence: `looks`, `acts`, or nothing for a statement and for how the answer is to be."""
    spoken = _without_fillers(spoken)
    if not spoken or _is_manner(spoken):
        return ""
    if spoken[0] == "do" and len(spoken) == 2:
        return "acts"  # `Do it`
    for place, (word, after) in enumerate(pairwise(spoken)):
        if word in _MODAL and after == "you":
            return _asked(spoken[place + 2 :])
    first, second = spoken[0], spoken[1] if len(spoken) > 1 else ""
    if first in ("i", "we") and _OBLIGING & frozenset(spoken[1:4]):
        return _asked(spoken[spoken.index("to") + 1 :]) if "to" in spoken[:6] else "acts"
    if first == "help" and second in _TO_ME:
        return _asked(spoken[3:] if spoken[2:3] == ["to"] else spoken[2:])
    if first in _ASKING or (first in _HELPING and second in _ASKING_OF):
        return _then(spoken[1:])
    if first in _STATING:
        return "acts" if _OBLIGING & frozenset(spoken[1:]) else ""
    return _asked(spoken)


def _is_manner(spoken: Sequence[str]) -> bool:
    """`Keep it short`, `use bullet points`, `be brief`."""
    about = {
        "keep": _ANSWER,
        "make": _ANSWER,
        "limit": _ANSWER,
        "answer": words("in with briefly only shortly"),
    }.get(spoken[0])
    begins = spoken[1:2] and spoken[1] in about if about else spoken[0] in ("be", "use", "no")
    return bool(begins) and len(spoken) <= MANNER and bool(_MANNERS & frozenset(spoken))


def _asked(spoken: list[str]) -> str:
    """Of a request, perhaps with its courtesies: `me to show …`, `please show …`."""
    spoken = _without_fillers(spoken)
    if spoken[0:1] and spoken[0] in _TO_ME | {"you"} and spoken[1:2] == ["to"]:
        spoken = spoken[2:]
    return _then(spoken[1:]) if spoken and _is_looking(spoken) else "acts"


def _without_fillers(spoken: list[str]) -> list[str]:
    start = next((place for place, word in enumerate(spoken) if word not in _FILLING), len(spoken))
    return spoken[start:]


def _then(spoken: Sequence[str]) -> str:
    """Looking, unless something else is joined to it."""
    for place, word in enumerate(spoken):
        if word in ("and", "then", "otherwise", "else"):
            rest = _without_fillers(list(spoken[place + 1 : place + REQUEST]))
            if not rest or _is_looking(rest):
                continue
            acts = rest[0] in _ACTING | _TELLING | {"let"} or _governs(rest) or _has_done(rest)
            if acts or (word == "then" and rest[0] not in _NO_VERBS):
                return "acts"
    return "looks"


def _governs(spoken: Sequence[str]) -> bool:
    """Whether a word that no list knows is a verb, by its object: `(and) rerun these days`."""
    return spoken[1:2] != [] and spoken[1] in _OBJECTS and spoken[0] not in _NO_VERBS


def _gets_done(spoken: Sequence[str]) -> bool:
    """`Get the form submitted for me`, not `get the forms submitted last week`."""
    return any(word.endswith("ed") and after in _AFTER_DONE for word, after in pairwise((*spoken[2:], "")))


def _has_done(spoken: Sequence[str]) -> bool:
    """`(and) have the old ones destroyed`, not `(and) have I paid`."""
    return spoken[0] == "have" and spoken[1:2] != [] and spoken[1] not in _SPEAKING


def _is_looking(spoken: Sequence[str]) -> bool:
    first, second = spoken[0], spoken[1] if len(spoken) > 1 else ""
    if first == "write" and second in _TO_ME and _WRITTEN & frozenset(spoken[2:6]):
        return False
    if first in _TELLING and (second in _TO_ME or first in _LOOKING):
        return True
    if first == "let":
        return second in _TO_ME and "know" in spoken[2:3]
    if first == "follow":
        return bool(_REFERENCES & frozenset().union(*map(stems_of, spoken[1:4])))
    if first == "get":
        return second in _TO_ME or (second in _DEFINITE and not _gets_done(spoken))
    if first == "open":
        return second not in ("a", "an")
    return first in _LOOKING
