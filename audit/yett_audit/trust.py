"""What the person who verifies knows already: pinned log keys, witnesses, and which of them suffice.

The file is C2SP tlog-policy syntax, a line each: `log VKEY`, `witness NAME VKEY [URL]`, `group NAME k|any|all
MEMBER…`, `quorum NAME|none`, `#` comments. A key that stands inside a log is never a trust anchor.

Source: c2sp.org/tlog-policy.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from yett_audit import note
from yett_audit.errors import USAGE, Broken


@dataclass
class Trust:
    """Pinned keys and the quorum. Empty: nothing is pinned, nothing demanded."""

    logs: list[note.VerifierKey] = field(default_factory=list)
    witnesses: dict[str, note.VerifierKey] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = "none"

    @classmethod
    def parse(cls, text: str) -> Trust:
        """Reads a tlog-policy.

        Raises:
            Broken: (usage) an unknown keyword, a name used twice, an undefined or doubly used member.
        """
        trust, used, quorums = cls(), set[str](), 0
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            try:
                quorums += words[0] == "quorum"
                trust._line(words, used)
            except (Broken, ValueError, IndexError) as error:
                reason = error.message if isinstance(error, Broken) else "malformed line"
                raise Broken("policy", f"policy line {number}: {reason}", USAGE) from None
        if quorums != 1:
            raise Broken("policy", "a policy has exactly one quorum line (`quorum none` for none)", USAGE)
        return trust

    def _line(self, words: list[str], used: set[str]) -> None:
        keyword, name = words[0], words[1]
        if keyword == "log":
            key = note.VerifierKey.parse(name)
            if key.kind != note.ED25519 or any(key.key == k.key for k in self.logs):
                raise Broken("policy", "a log's key has another type, or is there twice")
            self.logs.append(key)
        elif keyword == "quorum":
            if name != "none" and name not in self.witnesses and name not in self.groups:
                raise Broken("policy", "the quorum is not defined")
            self.quorum = name
        elif name in self.witnesses or name in self.groups or name == "none":
            raise Broken("policy", "a name is used twice")
        elif keyword == "witness":
            key = note.VerifierKey.parse(words[2])
            if key.kind != note.COSIGNATURE or any(key.key == k.key for k in self.witnesses.values()):
                raise Broken("policy", "a witness key has another type, or is there twice")
            self.witnesses[name] = key
            if len(words) > 3:
                self.urls[name] = words[3]
        elif keyword == "group":
            members = tuple(words[3:])
            need = {"any": 1, "all": len(members)}.get(words[2]) or int(words[2])
            known = all(m in self.witnesses or m in self.groups for m in members)
            if (
                not known
                or used & set(members)
                or len(set(members)) != len(members)
                or not 0 < need <= len(members)
            ):
                raise Broken("policy", "a group's members or threshold are wrong")
            used.update(members)
            self.groups[name] = (need, members)
        else:
            raise Broken("policy", "unknown keyword")

    def satisfied(self, signers: Collection[note.VerifierKey]) -> bool:
        """Whether these witnesses reach the quorum; without one, always."""
        return self.quorum == "none" or self._reached(self.quorum, signers)

    def _reached(self, name: str, signers: Collection[note.VerifierKey]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name] in signers
        need, members = self.groups[name]
        return sum(self._reached(member, signers) for member in members) >= need
