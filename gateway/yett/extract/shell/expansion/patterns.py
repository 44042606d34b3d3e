"""Shell patterns: `*`, `?`, `[…]`."""

from __future__ import annotations

import re2


def is_glob(text: str) -> bool:
    """Whether unquoted text is a file name pattern; a lone `[` is the command of that name."""
    return "*" in text or "?" in text or ("[" in text and "]" in text[text.index("[") :])


def pattern(glob: str) -> re2._Regexp[str] | None:
    """A shell pattern as RE2; None for the ones not worth following (extglob)."""
    if len(glob) > 200 or "(" in glob:
        return None
    out = ""
    i = 0
    while i < len(glob):
        c = glob[i]
        i += 1
        if c == "*":
            out += "(?s:.*)"
        elif c == "?":
            out += "(?s:.)"
        elif c == "[" and (j := glob.find("]", i + 1)) > 0:
            inner = glob[i:j].replace("\\", "\\\\")
            out += "[" + ("^" + inner[1:] if inner[:1] in ("!", "^") else inner) + "]"
            i = j + 1
        else:
            out += re2.escape(c)
    try:
        return re2.compile(out)
    except re2.error:
        return None
