"""One string on its way to the analysers, and how it reads at first sight: as prose, as a command, as something encoded.

Cheap looks, at most one RE2 match each, that decide where a text is worth handing to. None of them is a judgement.
"""

from __future__ import annotations

import msgspec

from yett.extract.patterns import probe

BLOB = 128
"""Characters from which on a text without words is taken for something encoded."""
DOCUMENT = 4_096
"""Characters from which on a text that nothing declares is a document, which speaks of paths and is none."""
SHORT = 80
"""Longest prose that is also looked at for fragments of SQL and shell: a title may end up in a query."""
LONG = 400
"""Longest that is so looked at where it has no two words in a row."""
WORD = 16
"""Longest word or number of which no analyser has anything to say."""

_NO_PROSE = probe(r"[;&|`$<>(){}\\*]|\s-{1,2}[a-zA-Z]|(?:^|\s)[~.]{0,2}/\w|\n")
"""What a command line has and a sentence that begins with `find` or `head` mostly has not."""
_SENTENCE = probe(r"(?:^|\s)[A-Za-z][a-z']+,? [A-Za-z]?[a-z]+(?:[\s.,:;!?)]|$)")
"""Two plain words in a row, which a payload in a title or a comment does not have."""
_ENCODED = probe(r"^[A-Za-z0-9+/_-]+={0,2}\s*$")
_KINDS = {
    "perl": "code", "ruby": "code", "php": "code", "lua": "code", "script": "code",
    "shell": "command", "windows": "windows", "sql": "sql", "python": "code", "javascript": "code", "path": "path", "url": "url",
}  # fmt: skip


class Item(msgspec.Struct, frozen=True):
    """A text, where it stands, how it was reached and what it is declared to be."""

    text: str
    pointer: str
    kind: str
    name: str = ""
    chain: tuple[str, ...] = ()
    depth: int = 0
    key: bool = False
    declared: bool = True
    via: str = ""

    @property
    def plain(self) -> bool:
        """A word, a number, a code, as most values of most calls are."""
        text = self.text
        return (
            self.kind in ("label", "data")
            and len(text) <= WORD
            and not self.chain
            and text.isascii()
            and text.isalnum()
        )

    def prose(self, text: str, data: bytes) -> bool:
        """Whether it is declared to be read by people, and reads so."""
        return self.kind == "file" or (
            self.kind == "content"
            and (len(text) > LONG or data.count(b"\n") > 1 or bool(_SENTENCE.search(data)))
        )


def kind_of(language: str, otherwise: str) -> str:
    """How a text in a language is to be read."""
    return _KINDS.get(language, otherwise)


def two_words(data: bytes) -> bool:
    """Whether two plain words stand next to each other."""
    return bool(_SENTENCE.search(data))


def like_command(data: bytes) -> bool:
    """Whether it has a sign that commands have and prose mostly has not."""
    return bool(_NO_PROSE.search(data))


def like_blob(text: str, data: bytes) -> bool:
    """Whether it is long and one word of the letters that encodings use."""
    return len(text) >= BLOB and bool(_ENCODED.search(data))
