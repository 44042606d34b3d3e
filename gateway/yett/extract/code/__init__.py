"""Program text: what it would do, without running it.

    analyse(source, pointer, language=…) -> (CodeFact, (Nested, …))

Python is read by `ast` (`python`), JavaScript by tree-sitter (`javascript`), everything else by its tokens (`scripts`). Commands, paths, URLs, SQL and inner
programs found in it come back as `Nested`, for the orchestration to look at in their turn.
"""

from __future__ import annotations

from yett.extract.budget import Budget, Nested
from yett.extract.code import javascript, python, scripts
from yett.extract.facts import CodeFact
from yett.extract.patterns import probe
from yett.extract.words import encodable

_PYTHON = probe(
    r"(?m)^[ \t]*(?:import[ \t]+[A-Za-z_][\w.]*(?:[ \t]+as[ \t]+\w+)?[ \t]*(?:$|[,;#])|from[ \t]+[\w.]+[ \t]+import[ \t]+[\w*(]|(?:async[ \t]+)?def[ \t]+\w+[ \t]*\([^)]*\)[^:\n]*:"
    r"|class[ \t]+\w+[ \t]*(?:\([^)]*\))?:|(?:if|elif|while)[ \t][^:{}\n]+:[ \t]*$|for[ \t]+[\w, ]+[ \t]in[ \t][^:{}\n]+:[ \t]*$|with[ \t]+[^:{}\n]+[ \t]as[ \t]+\w+:[ \t]*$|try:[ \t]*$|except[^:{}\n]*:"
    r"|print\(.*\)[ \t]*$|@\w+[\w.]*(?:\(.*\))?[ \t]*$)"
    r"|(?:^|[\s=(;])(?:__import__\(|exec\(|eval\(|os\.(?:system|popen|remove|unlink|execv)\(|subprocess\.\w+\(|open\([^)]*['\"][rwab+]+['\"]\)|getattr\(__builtins__|shutil\.rmtree\()"
)
_JAVASCRIPT = probe(
    r"(?m)^[ \t]*(?:const|let|var)[ \t]+(?:[\w$]+|\{[^}\n]*\}|\[[^\]\n]*\])(?:[ \t]*,[ \t]*[\w$]+)*[ \t]*(?::[ \t]*\w+[ \t]*)?=[ \t]*[^=]|\bfunction\b[ \t]*\w*[ \t]*\([^)]*\)[ \t]*\{|=>[ \t]*[{(\w]|\brequire\([ \t]*['\"`]|\bprocess\.(?:mainModule|env|exit|binding)\b"
    r"|\bimport[ \t]+(?:[\w*{},\s]+[ \t]from[ \t]+)?['\"][\w@./:-]+['\"]|\bdocument\.(?:cookie|write)\b|\bnew[ \t]+Function\(|\bconsole\.log\(|\bchild_process\b|\bmodule\.exports\b|\bconstructor\.constructor\("
)


def looks_like(text: str) -> str:
    """`python`, `javascript`, or `""` for text that is no program. One or two RE2 matches."""
    if len(text) < 8:
        return ""
    sample = text[:8_192].encode("utf-8", "replace")
    if _JAVASCRIPT.search(sample) and not _strongly_python(sample):
        return "javascript"
    return "python" if _PYTHON.search(sample) else ""


_STRONG = probe(
    r"(?m)^[ \t]*(?:def[ \t]+\w+\(.*\).*:[ \t]*$|import[ \t]+\w+[ \t]*$|from[ \t]+[\w.]+[ \t]+import[ \t])"
)


def _strongly_python(text: bytes) -> bool:
    return bool(_STRONG.search(text))


def analyse(
    source: str, pointer: str, *, language: str = "", declared: bool = True, budget: Budget
) -> tuple[CodeFact, tuple[Nested, ...]]:
    """Facts of one program text.

    Args:
        language: `python`, `javascript`, `perl`, `ruby`, `php`, `script` for any other, or `""` to find out.
        declared: the tool or argument says that it is code.

    Raises:
        OverBudget: the call's budget ran out.
    """
    budget.spend(1, len(source))
    source = encodable(source)
    name = language.lower() or looks_like(source) or ("python" if declared else "")
    if name in ("javascript", "js", "node", "nodejs", "typescript", "ts", "jsx", "tsx", "ecmascript"):
        return javascript.analyse(source, pointer, declared=declared, budget=budget)
    if name in ("python", "py", "python3", "ipython"):
        return python.analyse(source, pointer, declared=declared, budget=budget)
    if not name:
        return CodeFact(pointer=pointer, language="unknown", opaque=("language",), declared=declared), ()
    return scripts.analyse(source, pointer, language=name, declared=declared, budget=budget)
