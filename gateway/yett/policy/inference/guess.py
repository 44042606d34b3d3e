"""What a tool does, what its arguments are for and how far its results can be trusted, from words alone.

The words are the tool's name, the first sentence of its description, its arguments' names, types and
descriptions (docstrings in Google's, NumPy's and Sphinx's style are read too). Every guess errs towards more
care, and says why:

* a tool that nothing explains changes something, and what it returns is untrusted;
* the receipt of a call that acts makes nothing known: it may repeat what an attacker had the agent write;
* an argument that may name somebody is a target; one that nothing explains is a selector, which must not come
  out of untrusted text when the call acts; only what is known to be prose is content;
* free text in a result is untrusted, even in the principal's own records.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from yett.extract import views
from yett.model import CAPABILITIES, Json
from yett.policy.inference import docstrings
from yett.policy.words import lexicon
from yett.policy.words.lexicon import words as _words

# -- what arguments are for -------------------------------------------------------------------------------

_TARGET = _words(
    "to cc bcc recipient recipients mail mails email emails address addresses channel channels user users username member members "
    "participant participants attendee attendees invitee invitees contact contacts phone iban account accounts payee "
    "beneficiary url uri link host hostname domain webhook endpoint destination dest assignee collaborator collaborators "
    "reviewer reviewers guest guests person people whom who receiver receivers addressee colleague friend agent team group "
    "audience wallet handle customer client supplier hotel restaurant venue company airline merchant vendor shop store place login approver manager owner holder contractor"
)
_WEB = _words("url uri link webhook endpoint host hostname website")
_AMOUNT = _words(
    "amount price total sum cents cost value budget fee euro euros dollar dollars pounds eur usd gbp"
)
_SECRET = _words("password passwd passphrase secret token credential credentials apikey pin otp key")
_COMMAND = _words("command cmd script shell code program expression")
_PROGRAMS = _words("source python javascript js script program snippet shell run exec")
_CONTENT = _words(
    "body content contents text wording words message subject re title description note notes comment summary caption html markdown data payload "
    "details reason remark resolution heading cause ground location city first last nickname bio answer question topic agenda attachments"
)
_SELECTOR = _words(
    "id ids uuid number query filter search sort order limit offset page n count index start end date time day from until since path "
    "file filename folder directory name names type kind status state format recurring priority permission permissions level mode "
    "category severity visibility currency language role color colour unit units timezone version slug hours minutes duration"
)
_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("secret", _SECRET),
    ("command", _COMMAND),
    ("amount", _AMOUNT),
    ("target", _TARGET),
    ("content", _CONTENT),
    ("selector", _SELECTOR),
)
_TYPES: tuple[tuple[str, frozenset[str]], ...] = (
    ("email", _words("email emails cc bcc")),
    ("url", _words("url uri link webhook endpoint")),
    ("iban", _words("iban")),
    ("phone", _words("phone mobile")),
    ("host", _words("host hostname domain")),
    ("path", _words("path file filename folder directory")),
    ("sql", _words("sql")),
    ("command", _words("command cmd shell")),
    ("code", _words("code script")),
    ("channel", _words("channel channels")),
    ("username", _words("user username member")),
    ("date", _words("date day")),
)
_SAYS_TARGET = (
    "mail address", "email", "e-mail", "addresses", "recipient", "to whom", "whom ", "person", "people", "colleague", "who is ",
    "who are ", "who takes", "who gets", "user to ", "username", "phone number", "bank account", "iban", "url", "link to",
    "website", "postal address",
)  # fmt: skip
_SAYS_CONTENT = _words(
    "text body content contents message about stands wording describe describes description describing subject heading"
)
_KEYS = _words("id ids identifier key number timestamp name names path url branch index type cursor")
_HEAD = 5
"""Words at the start of an argument's description that say what it is."""
_GIVEN = (_CONTENT | _AMOUNT | _SECRET) - _words(
    "topic question title subject location city first last nickname name key ground total sum cause heading budget agenda summary"
)
"""What a tool that only reads has no need of."""
_SPANS = _words(
    "from to start end since until till after before date day weekday week month year time page limit offset count size sort order "
    "lat lon latitude longitude lang language format"
)
"""What narrows a look down: spans, pages, places on the earth."""
_NAMING = _words("create new add make rename register compose draft generate")
_HIRING = _words("book reserve rent hire order buy purchase lease")

# -- how far results can be trusted -----------------------------------------------------------------------

_OWN = _words(
    "balance iban account accounts settings profile preferences my own bank expense expenses transactions scheduled invoice invoices order orders schedule "
    "quota limits calendar event events appointment appointments agenda meeting meetings booking bookings reservation reservations "
    "customer customers client clients subscription subscriptions inventory stock product products device devices"
)
_PLAIN = _words("balance iban settings preferences quota limits")
"""Records in which nobody else's words stand."""
_NAMES = _words(
    "users contacts contact members participants directory employees teams people staff addressbook phonebook names person cities countries departments"
)
_BOOKS = _words("address phone telephone contact trade")
_WORKSPACE = _words("slack workspace mattermost msteams")
"""Chats in which only members of an organisation write."""
_FOREIGN = _words(
    "webpage web page website url http fetch browse mail mails email emails inbox file files document documents doc docs review reviews "
    "feedback comments comment feed news download attachment ticket tickets issue issues post posts posting postings message messages article articles "
    "wiki note notes"
)
_FOREIGN_SAID = _words(
    "web internet papers review reviews feedback comments conversation conversations mails emails inbox messages webpage website posts postings wrote written"
)
_FREE_TEXT = (
    "subject", "body", "content", "text", "description", "message", "messages", "title", "notes", "note", "comment", "comments",
    "review", "reviews", "feedback", "remark", "remarks", "memo", "reason", "purpose", "summary", "instructions", "bio", "about", "answer", "answers",
    "reply", "replies", "letter", "complaint", "request", "diary", "journal", "observation", "observations", "justification",
    "details", "topic", "caption", "transcript", "log", "quote",
)  # fmt: skip
_MADE_BY_SYSTEM = (
    "id", "id_", "*_id", "ids", "*_ids", "uuid", "number", "*_number", "no", "*_no", "nr", "*_nr", "num", "*_num", "date", "*_date", "time", "*_time", "timestamp", "*_at", "start", "end",
    "status", "state", "priority", "read", "size", "filename", "file_name", "key", "slug", "sku", "code", "ref", "reference", "assignee", "assigned_to", "team", "department", "category",
)  # fmt: skip
_OPENING = 6
"""Words at the start of a description that say what is returned; what comes later is said in passing."""

_HINTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("pay", _words("transaction transactions money transfer payment funds refund")),
    (
        "share",
        _words("invite invites share shares webpage post posts publish collaborator"),
    ),
    ("admin", _words("password permission permissions role credentials")),
    ("delete", _words("bin trash erases")),
)


@dataclass(frozen=True)
class Described:
    """A tool as it describes itself."""

    name: str
    description: str
    schema: dict[str, Json]
    hints: dict[str, Json] = field(default_factory=dict)
    """Annotations of an MCP server."""
    method: str = ""
    """HTTP method, of an OpenAPI operation."""
    others_read: bool = False
    """The same server says of other tools that they only read."""


def guess(tool: Described, everybody: frozenset[str]) -> tuple[dict[str, Json], list[str]]:
    """A manifest entry, and the reasons for it.

    Args:
        everybody: words of the names of all tools that are described together.
    """
    reasons: list[str] = []
    words = frozenset(views.tokens(tool.name))
    sentence = views.tokens(lexicon.opening_line(tool.description))
    described = frozenset(sentence)
    does, known = _does(tool, words, described, reasons)
    properties = tool.schema.get("properties")
    required = tool.schema.get("required", [])
    said = docstrings.parameters(tool.description)
    args: dict[str, Json] = {}
    for name, schema in properties.items() if isinstance(properties, dict) else ():
        schema = schema if isinstance(schema, dict) else {}
        text = f"{schema.get('description') or ''} {said.get(str(name), '')}".casefold()
        args[str(name)] = _argument(str(name), schema, text, does, name in required, words)
    if does != {"read"} and any(
        isinstance(arg, dict) and "command" in str(arg["type"]) for arg in args.values()
    ):
        does = does | {"exec"}
    entry: dict[str, Json] = {"does": sorted(does, key=CAPABILITIES.index)}
    if args:
        entry["args"] = args
    if tool.schema.get("additionalProperties") is True:
        reasons.append("takes arguments that it does not name: they are denied until named")
    trust, why = _trust(words, sentence, does, known, everybody, args)
    entry["result"] = trust
    reasons.append(why)
    return entry, reasons


def _does(
    tool: Described, words: frozenset[str], described: frozenset[str], reasons: list[str]
) -> tuple[set[str], bool]:
    """Capabilities, and whether anything told them."""
    named, told = lexicon.of_name(tool.name), lexicon.of_sentence(tool.description)
    if not named and lexicon.names_data(tool.name, tool.description):
        told = {"read"}
    if not named and told == {"read"} and lexicon.shows(tool.description) and _takes(tool, _CONTENT):
        told = {"write"}  # `Prints a correction`: not to the caller
    if named:
        reasons.append(f"named for {' '.join(sorted(words)[:6])}")
    elif told:
        reasons.append("its description says so")
    if words & lexicon.LOOSE and told - {"read"}:
        named = set()  # `drop_line`: the description knows better
    if named - {"read"} and not lexicon.opens_to_delete(tool.description):
        told = told - {"delete"}  # `Set or clear a nickname`
    if told == {"read"} and lexicon.asks(tool.name, tool.description):
        named = set()
    if told - {"read"} and lexicon.acts_on_data(tool.name, tool.description):
        named = set()
    if named == {"read"} and told and "read" not in told and lexicon.reads_loosely(tool.name):
        named = set()  # `watch_card`: `Subscribe to …`
    found = named or told
    if found - {"read"}:
        found = (found | told) - {"read"}
        found |= {capability for capability, hints in _HINTS if (words | described) & hints}
    if tool.method:
        found |= {"GET": {"read"}, "DELETE": {"delete"}}.get(tool.method, {"write"})
        found = found if found == {"read"} else found - {"read"}
        reasons.append(f"HTTP {tool.method}")
    if tool.hints.get("destructiveHint") is True and not found & {"delete", "write", "admin"}:
        reasons.append("the server calls it destructive")
        return (found - {"read"}) | {"write"}, False
    if not found:
        return _as_change(tool, reasons, "nothing tells what it does")
    if found == {"read"} and (doubt := _doubt(tool)):
        return _as_change(tool, reasons, doubt)
    if told == {"read"} and named and "read" not in named:
        reasons.append("its description only speaks of reading")
        return set(found), False
    if found != {"read"} and not named and not tool.method:
        return set(found), False  # `aggregate`: it may return what it works on
    return set(found), True


def _as_change(tool: Described, reasons: list[str], why: str) -> tuple[set[str], bool]:
    reasons.append(f"{why}: taken for a change")
    if _takes(tool, _AMOUNT) and _takes(tool, _TARGET):
        reasons.append("it is given a sum and somebody: perhaps a payment")
        return {"write", "pay"}, False
    return {"write"}, False


def _doubt(tool: Described) -> str:
    """Why a tool that seems to read may do something else; empty if nothing speaks for that.

    A tool without a verb, or with one that means other things as well, is known by what it must be given: who looks
    something up names it; who changes it says what it shall be, too.
    """
    if tool.hints.get("readOnlyHint") is False:
        return "the server says that it does not only read"
    if lexicon.looks_plainly(tool.name, tool.description):
        return ""
    if _takes(tool, _GIVEN):
        return "it must be given an amount, a secret or a text, and no plain verb says that it looks"
    if lexicon.looks(tool.name, tool.description):
        return ""
    if tool.others_read and tool.hints.get("readOnlyHint") is not True:
        return "no verb says that it looks, and the server says of others that they only read"
    if sum(not frozenset(views.tokens(name)[-1:]) & _SPANS for name in _required(tool)) > 1:
        return "no verb says that it looks, and it must be given more than a thing to look up"
    if lexicon.names_an_act(tool.description):
        return "its description is the name of an act"
    if lexicon.tells_change(tool.description):
        return "its description tells how things will be"
    return ""


def _takes(tool: Described, kinds: frozenset[str]) -> bool:
    """Whether it must be given something that ends in one of the words: `newPrice`, `text`."""
    return any(frozenset(views.tokens(name)[-1:]) & kinds for name in _required(tool))


def _required(tool: Described) -> list[str]:
    required = tool.schema.get("required")
    return [str(name) for name in required] if isinstance(required, list) else []


def _argument(
    name: str, schema: dict[str, Json], said: str, does: set[str], required: bool, tool: frozenset[str]
) -> dict[str, Json]:
    parts = views.tokens(name)
    words = frozenset(parts) | {part.removesuffix("s") for part in parts}
    last = parts[-1] if parts else ""
    kind = _kind(words, schema)
    acting = does != {"read"}
    if "code" in words and len(parts) > 1 and not words & _PROGRAMS:
        words -= {"code"}  # of a field, a country, a discount
        last = "number" if last == "code" else last
        kind = _kind(words, schema)
    role = _role(words, last, said, acting)
    if kind in ("date", "boolean") or schema.get("enum"):
        role = "selector"
    if last in ("name", "names") and acting and role == "selector" and len(parts) == 1:
        role = "target" if tool & _HIRING else "content" if tool & _NAMING else "selector"
    # What a reading tool is told is a choice of what to read, unless it says where in the world to go.
    if role == "target" and not acting and not words & _WEB and not (required and last == "domain"):
        role = "selector"
    if role == "content" and (
        kind in ("integer", "number") or (kind in ("object", "list", "any") and acting)
    ):
        role = "selector"  # a measure; fields, and what they are set to
    if role == "amount" and not (kind in ("number", "integer", "money") and does & {"pay", "write", "admin"}):
        role = "selector" if kind in ("number", "integer") else "content"
    if role == "amount":
        kind = "money"
    if role == "secret" and last == "key" and not words & _words("api secret private access"):
        role = "selector"
    if role == "target" and name == "user" and "invite" in tool:
        role = "content"
    entry: dict[str, Json] = {"role": role, "type": kind}
    if not required:
        entry["optional"] = True
    return entry


def _role(words: frozenset[str], last: str, said: str, acting: bool) -> str:
    if last in ("id", "ids", "number", "no", "nr", "num") and not words & _words("phone account card"):
        return "selector"
    for chosen in ({last, last.removesuffix("s")}, words):
        role = next((role for role, known in _KINDS if chosen & known), None)
        if role is not None and not (
            role == "selector" and last in ("name", "names") and len(words) > 1 and chosen == {last}
        ):
            return role
    if acting and any(phrase in said for phrase in _SAYS_TARGET):
        return "target"
    return "content" if _is_prose(said) else "selector"


def _is_prose(said: str) -> bool:
    """Whether a description begins by naming a text, and not what one is known by: `ID of the message`."""
    head = frozenset(views.tokens(said)[:_HEAD])
    return bool(head & _SAYS_CONTENT) and not head & _KEYS


def _kind(words: frozenset[str], schema: dict[str, Json]) -> str:
    kinds = _kinds(schema)
    if "array" in kinds:
        items = schema.get("items")
        if not isinstance(items, dict):
            branches = schema.get("anyOf")
            branches = branches if isinstance(branches, list) else []
            items = next(
                (b["items"] for b in branches if isinstance(b, dict) and isinstance(b.get("items"), dict)), {}
            )
        inner = _kind(words, items)
        return f"list[{inner}]" if inner not in ("any", "object") else "list"
    for kind in ("object", "boolean", "integer", "number"):
        if kind in kinds and "string" not in kinds:
            return kind
    if kinds and "string" not in kinds:
        return "any"
    if schema.get("format") in ("email", "uri", "date", "date-time"):
        return {"email": "email", "uri": "url", "date": "date", "date-time": "datetime"}[schema["format"]]
    if not kinds:
        return "any"
    if words & _words("id ids"):
        return "string"
    return next((kind for kind, known in _TYPES if words & known), "string")


def _kinds(schema: dict[str, Json]) -> set[str]:
    said = schema.get("type")
    kinds = {said} if isinstance(said, str) else set(said) if isinstance(said, list) else set()
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        for branch in branches if isinstance(branches, list) else ():
            kinds |= _kinds(branch) if isinstance(branch, dict) else set()
    return kinds - {"null"}


def _trust(
    words: frozenset[str],
    sentence: tuple[str, ...],
    does: set[str],
    known: bool,
    everybody: frozenset[str],
    args: dict[str, Json],
) -> tuple[Json, str]:
    """How far the result can be trusted, and why."""
    opening = frozenset(sentence[:_OPENING])
    if not known:
        return "untrusted", "nothing tells who wrote what it returns"
    if does != {"read"} and "open" in words:
        return "untrusted", "what it opens it may return"
    if does != {"read"} and all(isinstance(arg, dict) and arg.get("optional") for arg in args.values()):
        return "untrusted", "it need not be told anything: perhaps it reads as well"
    if does != {"read"}:
        return {
            "trust": "receipt",
            "id": "records",
            "*_id": "records",
        }, "what it returns is a receipt of its own"
    if (
        everybody & _WORKSPACE
        and words & _words("messages inbox message channel")
        and not words & _words("users members channels")
    ):
        return {
            "trust": "records",
            "sender": "directory",
        }, "messages of a workspace are written by its members"
    if (
        words & _NAMES or "names" in sentence or ("book" in words and words & _BOOKS)
    ) and not words & _FOREIGN:
        return "directory", "a list of names that the organisation keeps"
    free_text = dict.fromkeys(_FREE_TEXT, "untrusted")
    senders = dict.fromkeys(("sender", "from", "from_", "author", "owner", "requester"), "sender")
    own = words & _OWN or {"user", "info"} <= words
    if own and not words & _FOREIGN:
        if words & _PLAIN or {"user", "info"} <= words:
            return "records", "the principal's own records"
        sent: dict[str, Json] = {"sender": "sender"} if words & _words("transactions transaction") else {}
        return {
            "trust": "records",
            **sent,
            **free_text,
        }, "the principal's own records; free text in them is not his"
    if words & _WEB or any(isinstance(arg, dict) and arg["role"] == "target" for arg in args.values()):
        return "untrusted", "text that anybody could have written"
    if words & _FOREIGN or opening & _FOREIGN_SAID:
        made = dict.fromkeys(_MADE_BY_SYSTEM, "records")
        return {
            "trust": "untrusted",
            **made,
            **senders,
        }, "text that anybody could have written; ids and dates are the system's"
    return {"trust": "directory", **senders, **free_text}, "names and facts; free text in them is anybody's"
