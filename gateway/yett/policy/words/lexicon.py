"""Words: what the verbs of tool names, docstrings and prompts mean as capabilities.

Two lists, because a name and a sentence use words differently. In a *tool's name* a verb is unambiguous
(`delete`, `forward`) or also a noun (`mail`, `order`, `note`), which is a verb only in front. In a *prompt*
people say what they want in everyday words (`put`, `drop a line`, `get rid of`); there a word too many only
means that a person is not asked.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import lru_cache

import re2

from yett.extract.infer import VERBS as OF_TOOLS
from yett.extract.views import tokens
from yett.policy.words import nominal


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERBS: dict[str, frozenset[str]] = {
    "read": words(
        "get read search find fetch query show view lookup look describe count check retrieve browse cat select load inspect "
        "download scrape see monitor scan compare calculate compute convert translate summarize summarise validate analyze "
        "analyse explain recommend suggest return display say tell give provide list print report examine watch whois whoami"
    ),
    "write": words(
        "create write set put add insert edit modify update save append upload rename move patch store change replace copy mkdir "
        "touch reserve assign reassign merge commit push import mark flag complete finish resolve reopen close escalate approve "
        "reject accept decline confirm reschedule postpone enter make build generate start stop pause resume attach "
        "extend adjust correct fix swap sync snooze fold hand raise lower fill compose prepare organise organize arrange join renew admit discharge "
        "prescribe refer release allocate lock unlock waive hide unhide mint redirect reroute divert commission switch toggle turn block unblock "
        "mute unmute ban unban pin unpin restore undo rotate sign connect disconnect link pair unpair bind unbind dock undock park award nominate "
        "vote bid seat serve restart reboot rerun retry arm disarm recall deliver collect pack route adopt appoint borrow lend reprice restock replenish recruit rebook reorder take bring shut halt sell"
    ),
    "delete": words(
        "delete remove drop purge clear destroy erase wipe truncate unlink rm uninstall cancel trash terminate discard void abort "
        "forget unsubscribe dismiss empty archive revoke rid dispose scrap ditch spike strike unlist delist unpublish evict expel decommission retract kick shred prune"
    ),
    "send": words(
        "send notify reply forward tweet dispatch broadcast answer respond announce remind inform submit publish alert warn"
    ),
    "share": words("share invite grant expose publish enrol enroll onboard"),
    "pay": words(
        "pay wire purchase buy charge refund withdraw checkout donate payout remit reimburse spend settle"
    ),
    "exec": words("exec execute run eval spawn deploy invoke launch compile"),
    "persist": words("schedule cron install remember memorize register subscribe"),
    "admin": words(
        "grant revoke reset enable disable activate deactivate suspend configure promote demote sudo"
    ),
}
"""Words of a tool's name or docstring that are verbs wherever they stand."""

LOOSE = words("drop clear release")
"""Verbs that mean many things: `drop a line`, `clear a payment`."""
_THINGS = words(
    "store order post place book record plan rate stock charge transfer wire mail email text call request note file document share bid "
    "refund payment credit update change release issue comment review pin tag label invoice reservation water rent"
)
"""Verbs of names that are things as well: `store_levels`."""

NOUN_VERBS: dict[str, frozenset[str]] = {
    "write": words(
        "book order note record log draft plan tag label rate review star pin format file document issue place reservation "
        "reservations appointment escalation transaction comment leave open rent hire"
    ),
    "delete": words("bin cancellation"),
    "send": words(
        "mail email message post text chat dm slack call ping request comment notification webhook"
    ),
    "pay": words("transfer credit invoice payment top funds money debit"),
    "persist": words("memory hook reminder autostart startup daemon"),
    "admin": words("admin role permission privilege firewall iam acl"),
    "exec": words(
        "shell bash terminal command interpreter python powershell pwsh cmd script subprocess console notebook sandbox"
    ),
}
"""Words that are verbs (or name the whole tool) only in front."""

DATA = words(
    "details info information data status state list listing history summary facts card profile directory agenda balance rating "
    "ratings reviews feedback price prices weather forecast availability statistics stats report date time day calendar results "
    "ledger queue inbox roster backlog register statement overview catalog catalogue entries items contents log logs version types metadata preview"
)
"""Heads of names that say what comes back: `order_details`, `venue_facts`."""

_PROMPT_EXTRA: dict[str, str] = {
    "write": (
        "schedule plan note book order reserve reservation appointment block give take record mark set enter jot log fill draft "
        "arrange prepare organise organize correct fix adjust shift bring switch turn finish complete solve resolve close escalate rent "
        "hire append attach extend raise lower rearrange tidy sort register keep track pin label tag"
    ),
    "delete": "rid forgotten throw bin clean void end move reschedule rebook swap exchange withdraw",
    "send": (
        "tell know inform write drop answer respond ask contact remind thank text ping pass announce share report "
        "congratulate invite submit deliver cc reach say warn confirm register rsvp apply enrol enroll subscribe"
    ),
    "share": "give access send add join rights post publish upload forward",
    "pay": "buy settle spend reimburse credit give owe compensate bill book rent order send back",
    "persist": "remind plan run every daily weekly monthly always recurring arrange standing keep",
    "admin": "access rights change set update promote grant switch turn",
    "exec": "start launch compile build test try deploy install rerun retry restart kill",
}


MEANT = {
    capability: known | OF_TOOLS.get(capability, frozenset()) | words(_PROMPT_EXTRA.get(capability, ""))
    for capability, known in VERBS.items()
}
"""What people mean by the words of a prompt."""
_NAMED = words("reservation booking appointment reminder refund payment transfer invitation")
"""Nouns by which people ask for something: `I need a reservation`."""
_PHRASES = (
    (words("call off"), "delete"),
    (words("take off"), "delete"),
    (words("take down"), "delete"),
    (words("throw away"), "delete"),
    (words("can go"), "delete"),
    (words("not any more"), "delete"),
    (words("no longer"), "delete"),
    (words("not anymore"), "delete"),
    (words("make sure"), "write"),
    (words("set up"), "persist"),
)
"""Words that mean something only together; `call that off` is one too, so they need not be neighbours."""


DO = words("do perform complete follow execute carry handle finish fulfil fulfill achieve accomplish")
ERRANDS = words("task todo instruction step action errand chore")
_SPEAKING = words("say tell give show")
_US = words("me us")
_QUESTIONS = words("whether if what how which who whom when where why")
STOP = "|"
_STOPS = re2.compile(r"[.!?;:][\s\"')]+|\n")
BEFORE_NOUNS = words(
    "the a an my our his her their its this these those that your of in for on from about with at by each every last next any some all no which what"
)


def of_prompt(text: str) -> set[str]:
    """Capabilities that the words of a prompt ask for; a word after an article or a preposition is no verb."""
    spoken = words_and_stops(text)
    triples = zip((STOP, *spoken), spoken, (*spoken[1:], STOP), strict=False)
    return of_words(["it" if _of_the_answer(*triple) else triple[1] for triple in triples])


def of_words(spoken: Sequence[str]) -> set[str]:
    """As `of_prompt`, of words in small letters."""
    pairs = itertools.pairwise((STOP, *spoken))
    verbs = [word for before, word in pairs if before not in BEFORE_NOUNS or word in _NAMED]
    everything = frozenset().union(*map(stems_of, spoken))
    if everything & ERRANDS and any(stems_of(verb) & DO for verb in verbs):
        return set(MEANT)  # whatever the errands are
    found = set().union(*map(_asked_by, verbs))
    return found | {capability for phrase, capability in _PHRASES if phrase <= everything}


def _of_the_answer(before: str, word: str, after: str) -> bool:
    """`Tell me`, `say whether`, `let us know`: what the agent is to say, and not to do."""
    if word == "know":
        return before in _US
    return bool(_SPEAKING & stems_of(word)) and (after in _US or after in _QUESTIONS)


@lru_cache(16_384)
def _asked_by(verb: str) -> frozenset[str]:
    return frozenset(capability for capability, known in MEANT.items() if stems_of(verb) & known)


def words_and_stops(text: str) -> list[str]:
    """Words in small letters; a full stop, colon or line's end is a word too: an article before it governs nothing.

    What stands in quotes, and what names a file, a host or a thing (`harbour-plan`, `drop_box`, `pay.example`), asks
    for nothing by its words.
    """
    parted = _STOPS.sub(f" {STOP} ", _QUOTED.sub(r" it\1 ", text.casefold()))
    parts = (_spoken(chunk) for chunk in parted.split())
    return "".join(c if c.isalnum() or c == STOP else " " for c in " ".join(parts)).split()


def _spoken(chunk: str) -> str:
    bare = chunk.strip(".,;:!?()[]'\"*")
    if any(mark in bare for mark in "_@.\\"):
        return "it"
    first, hyphen, rest = bare.partition("-")
    if not hyphen or not first or rest.startswith("-"):
        return chunk
    if first in _PREFIXES:
        return first + rest
    return f"{first} {rest}" if rest in _PARTICLES else first


_QUOTED = re2.compile(r"\"[^\"\n]*\"|“[^”\n]*”|‘[^’\n]*’|(?:^|\s)'[^'\n]*'([\s.,;:!?)]|$)")
_PREFIXES = words("re e un de pre dis out over")
_PARTICLES = words("off up out away down in on over back")


def stems(word: str) -> tuple[str, ...]:
    """A word and plain forms it may be of: `paying`, `invited`, `deletes`, `copies`; a wrong one is no verb."""
    found = [word]
    for ending in ("s", "es", "d", "ed", "ing"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            stem = word.removesuffix(ending)
            found += [stem, stem + "e"]
            if len(stem) > 3 and stem[-1] == stem[-2]:
                found.append(stem[:-1])
    if word.endswith(("ies", "ied")):
        found.append(word[:-3] + "y")
    return tuple(found)


@lru_cache(16_384)
def stems_of(word: str) -> frozenset[str]:
    return frozenset(stems(word))


def capabilities(found: Iterable[str], lists: dict[str, frozenset[str]]) -> set[str]:
    """Capabilities whose verbs are among the words, in any form."""
    plain = {stem for word in found for stem in stems(word)}
    return {capability for capability, verbs in lists.items() if plain & verbs}


def of_name(name: str) -> set[str]:
    """What a tool's name says that it does; nothing if it has no verb.

    A reading verb in front decides (`get_user_role`), unless another one is joined to it (`read_and_delete`).
    """
    parts = [part for part in tokens(name) if not part.isdigit()]
    if not parts:
        return set()
    joined = [after for word, after in itertools.pairwise(parts) if word in ("and", "or", "then")]
    first = _capabilities_of(parts[0])
    if first == {"read"} and not (parts[0] in _LOOSELY_READING and parts[-1] in _PLAINLY_ACTING):
        return first | {c for word in joined for c in _capabilities_of(word)}
    found = {c for part in parts for c in _capabilities_of(part)} - {"read"}
    if found and not (parts[-1] in DATA and not first):
        return found
    if any("read" in _capabilities_of(part) for part in parts) or parts[-1] in DATA:
        return {"read"}
    if {parts[0], parts[-1]} & _ASKING:
        return {"read"}
    if _opens_to_read(parts[:1], parts):
        return {"read"}
    return {c for c, verbs in NOUN_VERBS.items() if parts[0] in verbs}


def looks(name: str, text: str) -> bool:
    """Whether a verb says that it reads, first or last in the name or first in the docstring; no noun does."""
    return bool(_opening(name, text) & VERBS["read"])


def looks_plainly(name: str, text: str) -> bool:
    """Whether that verb means nothing else: one may `check` a guest in, `list` a house and `report` a theft."""
    return bool(_opening(name, text) & VERBS["read"] - _SHOWING - _LOOSELY_READING)


def reads_loosely(name: str) -> bool:
    """Whether a name begins with a verb that reads, or does another thing: `watch_card`, `check_in`."""
    return not _LOOSELY_READING.isdisjoint(tokens(name)[:1])


def _opening(name: str, text: str) -> frozenset[str]:
    spoken = [word for word in _first_sentence(text) if word not in _PREAMBLE][:1]
    named = tokens(name)
    last = [
        word for word in named[-1:] if word not in _LOOSELY_READING | DATA
    ]  # `kb_search`, but not `door_list`
    return frozenset(stem for word in (*named[:1], *last, *spoken) for stem in stems(word))


def names_an_act(text: str) -> set[str]:
    """Capabilities of the act that a docstring opens with the name of: `Closure of a case`, `Recall of a parcel`."""
    spoken = [word for word in _first_sentence(text) if word not in _PREAMBLE]
    if not spoken or not frozenset(spoken[1:2]) <= BEFORE_NOUNS or spoken[0] in _THINGS | VERBS["read"]:
        return set()
    return nominal.capabilities(spoken[0], VERBS) - {"read"}


def tells_change(text: str) -> bool:
    """Whether a docstring that begins like a name tells how things will be: `Units that will not be billed`."""
    spoken = _first_sentence(text)
    return bool(_BECOMING & frozenset(spoken)) and not _ASKING & frozenset(spoken[:1])


def acts_on_data(name: str, text: str) -> bool:
    """Whether only a last noun reads (`shop_price`) and the docstring does something: `Mark an article …`."""
    parts = tokens(name)
    data = bool(parts) and parts[-1] in DATA and not any(_capabilities_of(part) for part in parts[:-1])
    return data and bool(frozenset(_first_sentence(text)[1:2]) & _AFTER_VERBS)


def asks(name: str, text: str) -> bool:
    """Whether a docstring asks (`How full the silos are`) and all verbs of the name may be things."""
    verbs = [part for part in tokens(name) if _capabilities_of(part)]
    return (
        _first_sentence(text)[:1] != [] and _first_sentence(text)[0] in _ASKING and _THINGS.issuperset(verbs)
    )


def opens_to_delete(text: str) -> bool:
    """Whether a docstring begins with a verb that means deleting, and nothing else."""
    spoken = [word for word in _first_sentence(text) if word not in _PREAMBLE]
    return any(frozenset(stems(word)) & VERBS["delete"] - LOOSE for word in spoken[:1])


def _capabilities_of(word: str) -> set[str]:
    if word in _HANDING:
        return {"write"}
    found = {capability for capability, verbs in VERBS.items() if word in verbs}
    if not found and word.startswith("un") and _capabilities_of(word[2:]) - {"read"}:
        return {"delete"}  # `uninvite`
    return found


def is_verb(word: str) -> bool:
    """Whether a word of a name is a verb wherever it stands."""
    return bool(_capabilities_of(word))


_HANDING = words("return give provide tell print")
"""Verbs that say in a docstring what comes back, and in a tool's name what it does to somebody."""
_SHOWING = _HANDING | words("show display say describe report explain")
_LOOSELY_READING = words(
    "check scan watch monitor list select load suggest recommend count validate convert translate"
)
_PLAINLY_ACTING = words("create delete remove update add edit set start stop cancel run pause")
"""Last in a name they are verbs after what may be a noun: `monitor_delete`."""
_BECOMING = words(
    "will shall again longer anymore henceforth becomes become gets goes leaves stops starts ends loses moves takes onwards forthwith"
)
"""Words of a sentence that tell a change, not a thing."""
_ASKING = words("who whom whose when where which what how whether")
"""First or last in a name: `oncall_who`, `who_edits`."""
_PREAMBLE = words(
    "this a an tool function method api endpoint call use used using uses allows allow you your to user users agent for that which can "
    "will be is it lets let us me by helps help able enables"
)
_DATA_PHRASE = words(
    "the all everybody everyone what who which how whether where when why whose everything every names one today's current my latest recent newest profile number days details information"
)
_INQUIRIES = words("inquiry enquiry query lookup search overview listing retrieval view display inspection")
_ARTICLES = words("a an the")
_AFTER_VERBS = words("a an the to some one any this your somebody someone something people")
_OF_NOUNS = words("of that which who whose whom")
_TAKEN = words("care charge hold use advantage possession rid")
"""`Takes care of`: no noun phrase."""
_READ_BY_OPENING = words(
    "document documents file files page pages mail mails email message folder url link website attachment article"
)


_MARKS = re2.compile(r"^(?:[^\pL\d]|\d{1,2}[.)] )+")
MAX_LINES = 20
"""Lines of a description in which the first that says something is looked for."""


def names_data(name: str, text: str) -> bool:
    """Whether a tool is named for things (`pickupPoints`, `group_members`) and its docstring begins with no verb."""
    last = tokens(name)[-1:]
    plural = bool(last) and last[0].endswith("s") and not last[0].endswith("ss") and not of_name(name)
    spoken = _first_sentence(text)
    return (
        plural
        and len(spoken) > 1
        and spoken[1] not in _AFTER_VERBS - {"to"}
        and not of_sentence(text) - {"read"}
    )


def shows(text: str) -> bool:
    """Whether a docstring begins with a verb that shows something: to the caller, or to everybody."""
    return any(frozenset(stems(word)) & _SHOWING for word in _first_sentence(text)[:1])


def opening_line(text: str) -> str:
    """The line that says what a tool does: without list marks, or a heading above it (`Purpose:`), or `Vendor | `."""
    lines: list[str] = [
        _MARKS.sub("", line.rpartition(" | ")[2].strip()) for line in text.strip().split("\n")[:MAX_LINES]
    ]
    spoken = (line for line in lines if " " in line and not line.endswith(":"))
    return next(spoken, lines[0])


def _first_sentence(text: str) -> list[str]:
    line = opening_line(text).split(". ")[0].casefold()
    return "".join(c if c.isalnum() or c in "'-" else " " for c in line).split()


def of_sentence(text: str) -> set[str]:
    """What the verbs of a docstring's first sentence say; `read` of a phrase that only names data."""
    spoken = _first_sentence(text)
    if spoken and (spoken[0] in _DATA_PHRASE or spoken[0].endswith("'s")):
        return {"read"}
    rest = [word for word in spoken if word not in _PREAMBLE]
    if not rest:
        return set()
    place = spoken.index(rest[0])
    if len(spoken) > 1 and spoken[-1] in _INQUIRIES and not frozenset(spoken) & BEFORE_NOUNS:
        return {"read"}  # `Message inquiry`
    if rest[0].endswith("s") and spoken[place + 1 : place + 2] == ["of"] and rest[0] != "disposes":
        return {"read"}  # `Seats of a hall`
    verbs = [rest[0]]
    if place + 2 < len(spoken) and spoken[place + 1] in ("and", "or"):
        verbs.append(spoken[place + 2])
    if spoken[place + 1 : place + 2] == ["rid"]:
        verbs = ["rid"]
    found = {c for verb in verbs for c in capabilities([verb], VERBS)}
    plain = frozenset(stem for word in spoken for stem in stems(word))
    found |= {
        c
        for phrase, c in _PHRASES
        if phrase <= plain and c == "delete" and {*stems(spoken[0]), *stems(rest[0])} & phrase
    }
    if found == {"read"} and _hands_over(spoken[place:]):
        return {"write"}
    if found:
        return found
    spoken_of = stems(rest[0]) if frozenset(spoken[place + 1 : place + 2]) & _AFTER_VERBS else (rest[0],)
    if act := names_an_act(text):
        return act
    if _is_noun_phrase(spoken[place:]):
        return {"read"}
    found = {c for c, verbs_too in NOUN_VERBS.items() if verbs_too & frozenset(spoken_of)}
    return {"read"} if found == {"write"} and _opens_to_read(spoken_of, spoken) else found


def _hands_over(spoken: Sequence[str]) -> bool:
    """`Return a deposit to an account`, `Give a discount to somebody`: what comes back goes to nobody."""
    return (
        bool(frozenset(stems(spoken[0])) & _HANDING)
        and spoken[1:2] in (["a"], ["an"])
        and any(word == "to" and after in _AFTER_VERBS for word, after in itertools.pairwise(spoken))
    )


def _is_noun_phrase(spoken: Sequence[str]) -> bool:
    """`Beds of a ward`, `Letters that others sent`, `Times at which …`: no verb, for a verb takes an article first."""
    for place, (before, word) in enumerate(itertools.pairwise(spoken[:4])):
        if word in _AFTER_VERBS or before in _TAKEN:
            return False
        if (
            place == 0
            and before.endswith("s")
            and word.endswith("ed")
            and frozenset(spoken[2:3]) & BEFORE_NOUNS
        ):
            return True  # `Hearings listed for the firm`
        if spoken[1:2] == ["that"] and frozenset(spoken[2:3]) & _ARTICLES:
            return False  # `Notes that a machine has come back`
        if word in _OF_NOUNS:
            return True
    return False


def _opens_to_read(verb: Iterable[str], sentence: Iterable[str]) -> bool:
    """`open` a document reads it; an account, a door or a ticket is another thing."""
    return "open" in verb and bool(_READ_BY_OPENING & frozenset(sentence))
