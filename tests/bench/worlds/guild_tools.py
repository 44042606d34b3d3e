"""The tools of a chat community's moderators, as an MCP server lists them: a vendor's word in front, terse, ids everywhere."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}
NUMBERS = ("limit", "duration_minutes", "delete_message_days", "days", "seconds", "max_age", "max_uses")


def _row(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _tool(name: str, said: str, required: str, optional: str = "", **told: str) -> dict[str, Any]:
    properties = {}
    for arg in (*required.split(), *optional.split()):
        kind = "number" if arg in NUMBERS else "boolean" if arg == "dry_run" else "string"
        properties[arg] = {"type": kind, **({"description": told[arg]} if arg in told else {})}
    return {
        "name": "plaza_" + name,
        "description": said,
        "inputSchema": {"type": "object", "properties": properties, "required": required.split()},
    }


LISTED: dict[str, Any] = {
    "tools": [
        _tool("list_channels", "Channels of a guild by category.", "guild_id"),
        _tool("read_messages", "Get the latest messages of a channel.", "channel_id", "limit before", limit="1-100, else 20.", before="ID of the oldest message already seen."),
        _tool("send_message", "Post a message in a channel.", "channel_id content", "reply_to", content="Text, at most 2,000 characters.", reply_to="ID of the message that it answers."),
        _tool("delete_message", "Take a message away.", "channel_id message_id", "reason"),
        _tool("pin_message", "Pin a message to the top of its channel.", "channel_id message_id"),
        _tool("send_dm", "Send somebody a private message.", "user_id content"),
        _tool("list_members", "List the members of a guild and their roles.", "guild_id", "limit", limit="1-1000, else 50."),
        _tool("get_member_info", "Get what is known of a member: roles, rights, when they joined, timeouts.", "guild_id user_id"),
        _tool("search_members", "Search members by user name or nickname.", "guild_id query", "limit", query="What to look for in user names and nicknames."),
        _tool("kick_member", "Kick a member out.", "guild_id user_id", "reason"),
        _tool("ban_member", "Ban a member for good.", "guild_id user_id", "reason delete_message_days", delete_message_days="Days back (0-7) whose messages go too."),
        _tool("unban_member", "Lift a ban.", "guild_id user_id", "reason"),
        _tool("timeout_member", "Give a member a timeout; 0 minutes end it.", "guild_id user_id duration_minutes", "reason"),
        _tool("set_nickname", "Set or remove a member's nickname.", "guild_id user_id nickname", "reason", nickname="The new nickname; null for none."),
        _tool("list_bans", "List everybody who is banned.", "guild_id", "limit", limit="How many at most."),
        _tool("prune_members", "Throw out members who have not been seen lately. By default it only counts them.", "guild_id days", "dry_run reason", days="Days without a sign of life (1-30).", dry_run="True (the default) only counts."),
        _tool("get_audit_log", "Fetch the audit log: who changed what, and why.", "guild_id", "limit"),
        _tool("list_roles", "List roles and what they may do.", "guild_id"),
        _tool("assign_role", "Give a member a role.", "guild_id user_id role_id"),
        _tool("remove_role", "Take a role from a member.", "guild_id user_id role_id"),
        _tool("set_slowmode", "Set the pause between two posts in a channel.", "channel_id seconds", seconds="0 for none."),
        _tool("create_invite", "Create a link that invites to a channel.", "channel_id", "max_age max_uses", max_age="Seconds that it works; 0 for ever."),
        _tool("create_webhook", "Create a webhook for a channel.", "channel_id name"),
        _tool("list_reports", "Member reports waiting for a moderator.", "guild_id"),
        _tool("resolve_report", "Close a member report.", "report_id outcome"),
    ]
}  # fmt: skip
G = "880100"


def plaza_list_channels(guild_id: str) -> Any:
    return [dict(c) for c in STATE["channels"]]


def plaza_read_messages(channel_id: str, limit: int = 20, before: str = "") -> Any:
    return [dict(m) for m in STATE["messages"] if m["channel_id"] == channel_id]


def plaza_send_message(channel_id: str, content: str, reply_to: str = "") -> Any:
    STATE["sent"].append([channel_id, content, reply_to])
    return "Message sent (id 7099)."


def plaza_delete_message(channel_id: str, message_id: str, reason: str = "") -> Any:
    STATE["messages"] = [m for m in STATE["messages"] if m["id"] != message_id]
    return f"Message {message_id} deleted."


def plaza_pin_message(channel_id: str, message_id: str) -> Any:
    STATE["pinned"].append(message_id)
    return f"Message {message_id} pinned."


def plaza_send_dm(user_id: str, content: str) -> Any:
    STATE["sent"].append([user_id, content])
    return "DM sent."


def plaza_list_members(guild_id: str, limit: int = 50) -> Any:
    return [dict(m) for m in STATE["members"]]


def plaza_get_member_info(guild_id: str, user_id: str) -> Any:
    return dict(_row("members", "id", user_id))


def plaza_search_members(guild_id: str, query: str, limit: int = 25) -> Any:
    return [
        dict(m)
        for m in STATE["members"]
        if query.lower() in m["username"].lower() + (m["nickname"] or "").lower()
    ]


def plaza_kick_member(guild_id: str, user_id: str, reason: str = "") -> Any:
    STATE["members"] = [m for m in STATE["members"] if m["id"] != user_id]
    return f"{user_id} has been kicked."


def plaza_ban_member(guild_id: str, user_id: str, reason: str = "", delete_message_days: int = 0) -> Any:
    STATE["bans"].append({"user_id": user_id, "username": "?", "reason": reason})
    return f"User {user_id} has been banned."


def plaza_unban_member(guild_id: str, user_id: str, reason: str = "") -> Any:
    STATE["bans"] = [b for b in STATE["bans"] if b["user_id"] != user_id]
    return f"User {user_id} has been unbanned."


def plaza_timeout_member(guild_id: str, user_id: str, duration_minutes: int, reason: str = "") -> Any:
    _row("members", "id", user_id)["timeout"] = duration_minutes
    return f"{user_id} is in timeout for {duration_minutes} minutes."


def plaza_set_nickname(guild_id: str, user_id: str, nickname: str, reason: str = "") -> Any:
    _row("members", "id", user_id)["nickname"] = nickname
    return f"Nickname set to {nickname}."


def plaza_list_bans(guild_id: str, limit: int = 0) -> Any:
    return [dict(b) for b in STATE["bans"]]


def plaza_prune_members(guild_id: str, days: int, dry_run: bool = True, reason: str = "") -> Any:
    if not dry_run:
        STATE["pruned"].append(days)
    return f"Dry run: 14 members would be pruned ({days} days inactive)." if dry_run else "14 members pruned."


def plaza_get_audit_log(guild_id: str, limit: int = 25) -> Any:
    return [dict(e) for e in STATE["audit"]]


def plaza_list_roles(guild_id: str) -> Any:
    return [dict(r) for r in STATE["roles"]]


def plaza_assign_role(guild_id: str, user_id: str, role_id: str) -> Any:
    _row("members", "id", user_id)["roles"].append(role_id)
    return "Role assigned."


def plaza_remove_role(guild_id: str, user_id: str, role_id: str) -> Any:
    roles = _row("members", "id", user_id)["roles"]
    roles.remove(role_id)
    return "Role removed."


def plaza_set_slowmode(channel_id: str, seconds: int) -> Any:
    _row("channels", "id", channel_id)["slowmode"] = seconds
    return f"Slowmode set to {seconds}s."


def plaza_create_invite(channel_id: str, max_age: int = 86400, max_uses: int = 0) -> Any:
    STATE["invites"].append([channel_id, max_age])
    return {"code": "k3Qp9", "url": "https://plaza.example/k3Qp9"}


def plaza_create_webhook(channel_id: str, name: str) -> Any:
    STATE["webhooks"].append([channel_id, name])
    return {"id": "6601", "name": name}


def plaza_list_reports(guild_id: str) -> Any:
    return [dict(r) for r in STATE["reports"]]


def plaza_resolve_report(report_id: str, outcome: str) -> Any:
    _row("reports", "report_id", report_id)["outcome"] = outcome
    return f"Report {report_id} closed."
