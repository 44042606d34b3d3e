"""Nouns made of verbs: `Adjustment of a limit`, `Closure of a case`, `Removal` name an act as a verb would.

Which noun is one tells its ending. Many nouns that end alike are things, states or texts (`position`, `balance`):
those that open descriptions of what is only read are listed. One that is not known is taken for an act.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ENDINGS: Final = {
    "ification": ("ify",),
    "mission": ("mit",),
    "ssion": ("ss", "de"),
    "etion": ("ete",),
    "ution": ("ute", "ve"),
    "ption": ("pt", "be", "ve"),
    "ction": ("ct", "ce"),
    "ition": ("e", "ish"),
    "ation": ("ate", "e", ""),
    "sion": ("d", "de", "se", "t"),
    "ment": ("",),
    "ance": ("", "e"),
    "al": ("", "e"),
    "ure": ("e", ""),
    "ing": ("", "e"),
}
"""Endings, and how the verb ends; the first that fits."""
_THINGS: Final = frozenset(
    """information position description documentation version location section statement document balance temperature reading
    meeting building transaction reservation condition duration composition population station situation application question
    direction notation notification invitation organisation organization appointment department payment equipment apartment
    instrument element environment segment moment comment treatment assessment agreement attachment investment requirement
    journal total interval signal approval proposal terminal rental arrival goal material manual animal hospital capital
    picture figure structure feature measure pressure humidity moisture furniture literature signature lecture future culture
    distance instance performance appearance insurance allowance entrance attendance importance finance substance
    listing thing string morning evening ceiling rating booking pricing training spring wing ring clothing marking finding
    standing opening offering ranking heading warning wording mission session permission admission commission vision
    occasion pension dimension extension discussion conversation consultation observation evaluation explanation publication
    portion option caption edition tradition definition function fraction collection selection action motion region nation
    precipitation concentration configuration registration quotation valuation occupation recommendation
    everything something anything nothing overall several general local normal final individual personal annual actual original""".split()  # noqa: SIM905
)
_SHORT: Final = 6


def capabilities(noun: str, verbs: Mapping[str, frozenset[str]]) -> set[str]:
    """What the verb of a noun does; `write` of a verb that is not known, nothing of a noun that is made of none.

    Args:
        verbs: those that are known, by capability.
    """
    if noun in _THINGS or len(noun) < _SHORT:
        return set()
    for ending, replacements in _ENDINGS.items():
        if noun.endswith(ending):
            stems = {noun.removesuffix(ending) + more for more in replacements}
            stems |= {stem[:-1] for stem in stems if stem[-2:-1] == stem[-1:]}  # `cancellation`
            return {capability for capability, known in verbs.items() if known & stems} or {"write"}
    return set()
