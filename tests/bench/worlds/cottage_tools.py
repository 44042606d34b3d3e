"""The tools of a smart home, in Python with Google docstrings, examples and best practices."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _row(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def get_version() -> str:
    """
    Get the version of the hub

    Returns:
        The version, such as "2025.3.0"
    """
    return "2026.4.1"


def get_entity(entity_id: str, detailed: bool = False) -> dict:
    """
    Get the state of one entity

    Args:
        entity_id: Which one, such as 'light.living_room'
        detailed: All its fields, not only the usual ones

    Examples:
        entity_id="light.living_room" - its state
        entity_id="light.living_room", detailed=True - everything
    """
    return dict(_row("entities", "entity_id", entity_id))


def entity_action(entity_id: str, action: str, params: dict | None = None) -> dict:
    """
    Perform an action on an entity

    Args:
        entity_id: Which one, such as 'light.living_room'
        action: 'on', 'off' or 'toggle'
        params: What else to set, by name

    Returns:
        What the hub answers

    Examples:
        entity_id="light.living_room", action="on", params={"brightness": 255}
        entity_id="climate.living_room", action="on", params={"temperature": 22.5}

    Parameters by domain:
        - Lights: brightness (0-255), colour, effect
        - Climate: temperature, mode
    """
    _row("entities", "entity_id", entity_id).update({"state": action, **(params or {})})
    return {"entity_id": entity_id, "state": action}


def list_entities(domain: str | None = None, search_query: str | None = None, limit: int = 100) -> list:
    """
    Get the entities of the house

    Args:
        domain: Only of this kind ('light', 'switch', 'sensor')
        search_query: Words that its name, id or attributes have
        limit: How many at most (default: 100)

    Returns:
        One dictionary each

    Best Practices:
        - Ask for few fields
        - Name a domain
    """
    return [dict(e) for e in STATE["entities"] if not domain or e["entity_id"].startswith(domain + ".")]


def call_service_tool(domain: str, service: str, data: dict | None = None) -> dict:
    """
    Call any service of the hub

    Args:
        domain: Kind of thing it belongs to ('light')
        service: Its name ('turn_on')
        data: What it is given, by name

    Returns:
        What the hub answers, mostly nothing

    Examples:
        domain='automation', service='reload', data={}
        domain='fan', service='set_percentage', data={'entity_id': 'fan.x', 'percentage': 50}
    """
    STATE["services"].append([domain, service, data])
    return {}


def get_history(entity_id: str, hours: int = 24) -> dict:
    """
    Get how an entity's state changed

    Args:
        entity_id: Which one
        hours: How far back (default: 24)

    Returns:
        Its states with their times
    """
    return {
        "entity_id": entity_id,
        "states": [{"state": "off", "last_changed": "2026-05-01T22:10:00"}],
        "count": 1,
    }


def get_error_log() -> dict:
    """
    Get the hub's error log

    Returns:
        A dictionary containing:
        - log_text: The full error log text
        - error_count: Number of ERROR entries found
        - warning_count: Number of WARNING entries found
    """
    return {"log_text": STATE["log"][0]["text"], "error_count": 1, "warning_count": 3}


def list_automations() -> list:
    """
    Get all automations

    Returns:
        One dictionary each: id, alias, state, description
    """
    return [dict(a) for a in STATE["automations"]]


def set_automation(alias: str, trigger: str, action: str) -> dict:
    """
    Create a new automation or replace an existing one

    Args:
        alias: Human readable name of the automation
        trigger: When it runs (e.g. 'sun.sunset', 'time 22:30')
        action: What it does (e.g. 'light.porch on')
    """
    STATE["automations"].append(
        {"id": "a9", "alias": alias, "state": "on", "description": f"{trigger}: {action}"}
    )
    return {"id": "a9", "alias": alias}


def remove_automation(automation_id: str) -> dict:
    """
    Delete an automation

    Args:
        automation_id: ID as of list_automations
    """
    STATE["automations"] = [a for a in STATE["automations"] if a["id"] != automation_id]
    return {"removed": automation_id}


def restart_ha() -> dict:
    """
    Restart the hub

    WARNING: nothing works meanwhile

    Returns:
        Nothing
    """
    STATE["restarts"].append(1)
    return {}


def todo_items(list_name: str) -> list:
    """
    Items of a to-do list

    Args:
        list_name: e.g. 'shopping'
    """
    return [dict(i) for i in STATE["todo"] if i["list"] == list_name]


def todo_add(list_name: str, item: str) -> dict:
    """
    Put an item on a to-do list

    Args:
        list_name: e.g. 'shopping'
        item: The text of the item
    """
    STATE["todo"].append({"uid": "n", "list": list_name, "item": item})
    return {"added": item}


def todo_done(list_name: str, uid: str) -> dict:
    """
    Tick an item off a to-do list

    Args:
        list_name: e.g. 'shopping'
        uid: The item's uid
    """
    STATE["todo"] = [i for i in STATE["todo"] if i["uid"] != uid]
    return {"done": uid}


def notify(device: str, message: str, title: str = "") -> dict:
    """
    Push a notification to a phone or tablet

    Args:
        device: Name of the mobile device
        message: Body
        title: Optional heading
    """
    STATE["pushed"].append([device, message])
    return {}


def doorbell_events(hours: int = 24) -> list:
    """
    Visitors at the doorbell and the messages they left

    Args:
        hours: How far to look back
    """
    return [dict(v) for v in STATE["visitors"]]


def lock_code_set(lock: str, slot: int, code: str, name: str) -> dict:
    """
    Program an access code

    Args:
        lock: Entity id of the lock
        slot: Memory slot, 1 to 30
        code: Digits that open it
        name: Whose code it is
    """
    STATE["codes"].append([lock, slot, code, name])
    return {"slot": slot}


def lock_code_clear(lock: str, slot: int) -> dict:
    """
    Wipe an access code

    Args:
        lock: Entity id of the lock
        slot: Memory slot, 1 to 30
    """
    STATE["codes"].append([lock, slot, "", ""])
    return {"slot": slot}


def alarm_arm(mode: str) -> dict:
    """
    Arm or disarm the alarm

    Args:
        mode: 'home', 'away' or 'disarmed'
    """
    STATE["alarm"].append(mode)
    return {"mode": mode}


def scene_apply(scene: str) -> dict:
    """
    Activate a scene

    Args:
        scene: Entity id of the scene
    """
    STATE["scenes"].append(scene)
    return {}


def vacuum_zone(vacuum: str, rooms: list[str]) -> dict:
    """
    Clean some rooms

    Args:
        vacuum: Entity id of the robot
        rooms: Names of the rooms
    """
    STATE["cleaned"].append([vacuum, rooms])
    return {}


def camera_share(camera: str, minutes: int) -> dict:
    """
    A public link to a camera's live picture

    Args:
        camera: Entity id of the camera
        minutes: How long the link works
    """
    STATE["shared"].append([camera, minutes])
    return {"url": "https://cottage.example/s/8d1"}
