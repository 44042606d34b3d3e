"""Loops within loops: a condition that is asked of every fact and asks all others must not cost their product.

A detection is evaluated once for each fact `it`, and the rest of its environment stays. So whoever evaluates it
hands over a memo for the call, in which is kept

* what a loop gives that does not look at `it` at all: `any(c.program == "curl" for c in commands)`;
* for a loop that asks for equality with something of `it` (`any(t.prose and t.pointer == it.pointer for t in
  texts)`), its members by that field: only those that are equal can make it true.

Neither changes an answer. Without a memo everything is evaluated as it is written.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from yett.expr import nodes

Memo = dict[int, Any]
"""By the node's `id`: nodes live as long as the programs they are of."""
EACH = "it"
"""The one name that differs between evaluations that share a memo."""


def constant(node: nodes.Node) -> bool:
    """Whether a loop looks neither at `it` nor at the variable of a loop around it."""
    parts = nodes.walk(node)
    bound = {loop.slot for part in parts if isinstance(part, nodes.Quant) for loop in part.loops}
    return not any(
        (isinstance(part, nodes.Name) and part.name == EACH)
        or (isinstance(part, nodes.Slot) and part.index not in bound)
        or (isinstance(part, nodes.Call) and not part.library)
        for part in parts
    )


class Join(NamedTuple):
    """`member.field == key` among the conditions of one `any`."""

    node: nodes.Quant
    field: str
    key: nodes.Node

    def narrow(self, items: Any, wanted: Any, memo: Memo) -> Any:
        """The members that may be equal; all of them where that cannot be told."""
        table = memo.get(id(self.node))
        if table is None:
            table = memo[id(self.node)] = self._table(items)
        return table.get(wanted, ()) if table and type(wanted) is str else items

    def _table(self, items: Any) -> dict[str, list[Any]]:
        table: dict[str, list[Any]] = {}
        for item in items:
            value = getattr(item, self.field, None)
            if type(value) is not str:
                return {}
            table.setdefault(value, []).append(item)
        return table


def of(node: nodes.Quant) -> Join | None:
    """The equality by which the members of an `any` with one loop can be narrowed, if it has one."""
    loop, body = node.loops[0], node.body
    if node.kind != "any" or not constant(loop.source):
        return None
    for condition in body.operands if isinstance(body, nodes.Bools) and body.op == "and" else (body,):
        if not isinstance(condition, nodes.Compare) or condition.op != "==":
            continue
        for own, key in ((condition.left, condition.right), (condition.right, condition.left)):
            if (
                isinstance(own, nodes.Attr)
                and isinstance(own.base, nodes.Slot)
                and own.base.index == loop.slot
                and not any(isinstance(part, nodes.Slot) for part in nodes.walk(key))
            ):
                return Join(node, own.name, key)
    return None
