"""Proposed manifests: what they see, and on which side they err."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from policy_helpers import loaded

from yett.errors import PolicyError
from yett.policy.inference import infer


def tool(name: str, description: str = "", **properties: Any) -> dict[str, Any]:
    schemas = {
        key: value if isinstance(value, dict) else {"type": value} for key, value in properties.items()
    }
    return {
        "name": name,
        "description": description,
        "inputSchema": {"type": "object", "properties": schemas, "required": list(schemas)},
    }


def guessed(*tools: dict[str, Any]) -> dict[str, Any]:
    manifest = infer.infer({"tools": list(tools)})
    result: dict[str, Any] = manifest["tools"]
    return result


def test_mail() -> None:
    found = guessed(
        tool(
            "send_email",
            "Sends an email",
            recipients={"type": "array", "items": {"type": "string"}},
            cc="array",
            subject="string",
            body="string",
        )
    )
    args = found["send_email"]["args"]
    assert found["send_email"]["does"] == ["send"]
    assert {name: arg["role"] for name, arg in args.items()} == {
        "recipients": "target",
        "cc": "target",
        "subject": "content",
        "body": "content",
    }
    assert args["recipients"]["type"] == "list[string]"


@pytest.mark.parametrize(
    ("name", "does"),
    [
        ("get_user_info", ["read"]),
        ("list_files", ["read"]),
        ("delete_file", ["delete"]),
        ("run_command", ["exec"]),
        ("transfer_funds", ["pay"]),
        ("frobnicate", ["write"]),
        ("update_password", ["write", "admin"]),
    ],
)
def test_what_a_tool_does(name: str, does: list[str]) -> None:
    assert guessed(tool(name))[name]["does"] == does


@pytest.mark.parametrize(
    ("name", "description", "does"),
    [
        ("bedState", "Beds of a ward as a table.", ["read"]),
        ("freeSlots", "Times at which a doctor can still be booked.", ["read"]),
        ("referrals", "Letters that other practices sent in", ["read"]),
        ("stockLevel", "How much of an item is left.", ["read"]),
        ("frob", "Whether a room is free", ["read"]),
        ("frob", "Disposes of an item", ["delete"]),
        ("frob", "Takes care of a ticket", ["write"]),
        ("frob", "Frobs a thing that is broken", ["write"]),
        ("frob", "Frobs the beds of a ward", ["write"]),
        ("frob", "Gets rid of a ward", ["delete"]),
        ("renewPrescription", "", ["write"]),
        ("deposit_return", "Return a deposit to an account.", ["write"]),
        ("deposit", "Return a deposit to an account.", ["write"]),
        ("give_role", "", ["write", "admin"]),
        ("frob", "Return a list of users", ["read"]),
        ("frob", "Gives the balance", ["read"]),
        ("rent_ledger", "Rent due and paid", ["read"]),
        ("rent_flat", "Rents a flat", ["write"]),
        ("bill_settle", "Settle a bill", ["pay"]),
        ("dischargePatient", "Discharges a patient and frees the bed.", ["write"]),
    ],
)
def test_what_a_description_says(name: str, description: str, does: list[str]) -> None:
    assert guessed(tool(name) | {"description": description})[name]["does"] == does


def test_a_web_address_is_a_target_even_of_a_reading_tool_and_a_name_is_not() -> None:
    found = guessed(tool("fetch_page", url="string"), tool("read_inbox", user="string"))
    assert found["fetch_page"]["args"]["url"] == {"role": "target", "type": "url"}
    assert found["read_inbox"]["args"]["user"]["role"] == "selector"


def test_the_server_is_not_believed_when_it_calls_itself_harmless() -> None:
    wipes = tool("delete_everything") | {"annotations": {"readOnlyHint": True, "destructiveHint": False}}
    assert guessed(wipes)["delete_everything"]["does"] == ["delete"]


def test_trust_of_results() -> None:
    found = guessed(
        tool("get_balance"),
        tool("list_contacts"),
        tool("get_webpage", url="string"),
        tool("get_transactions"),
        tool("search_emails", query="string"),
        tool("get_thing"),
    )
    assert found["get_balance"]["result"] == "records"
    assert found["list_contacts"]["result"] == "directory"
    assert found["get_webpage"]["result"] == "untrusted"
    assert found["get_thing"]["result"]["trust"] == "directory"
    assert found["get_thing"]["result"]["description"] == "untrusted"
    assert found["search_emails"]["result"]["trust"] == "untrusted"
    assert found["search_emails"]["result"]["sender"] == "sender"
    assert found["search_emails"]["result"]["*_id"] == "records"
    assert found["get_transactions"]["result"]["sender"] == "sender"
    assert found["get_transactions"]["result"]["subject"] == "untrusted"


def test_openapi_with_references() -> None:
    document = {
        "openapi": "3.1.0",
        "paths": {
            "/payments": {
                "post": {
                    "operationId": "createPayment",
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Payment"}}}
                    },
                }
            },
            "/users/{id}": {
                "delete": {
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                    ]
                }
            },
        },
        "components": {
            "schemas": {
                "Payment": {
                    "properties": {"iban": {"type": "string"}, "amount": {"type": "number"}},
                    "required": ["iban"],
                },
                "Loop": {"$ref": "#/components/schemas/Loop"},
            }
        },
    }
    tools = infer.infer(document)["tools"]
    assert "pay" in tools["createPayment"]["does"]
    assert tools["createPayment"]["args"]["iban"] == {"role": "target", "type": "iban"}
    assert tools["createPayment"]["args"]["amount"] == {"role": "amount", "type": "money", "optional": True}
    assert "delete" in tools["delete_users__id_"]["does"]


def test_python_signatures_are_read_and_not_run() -> None:
    source = (
        "raise SystemExit\n"
        "def send_money(recipient: str, amount: float, note: str = '', *, urgent: bool = False) -> None:\n"
        "    '''Sends money.'''\n"
        "def _hidden(x): ...\n"
    )
    tools = infer.infer_python(source)["tools"]
    assert list(tools) == ["send_money"]
    assert tools["send_money"]["args"] == {
        "recipient": {"role": "target", "type": "string"},
        "amount": {"role": "amount", "type": "money"},
        "note": {"role": "content", "type": "string", "optional": True},
        "urgent": {"role": "selector", "type": "boolean", "optional": True},
    }


@pytest.mark.parametrize("document", [None, [], {}, {"tools": []}, {"tools": [{"nme": "x"}]}, "text", 5])
def test_nothing_to_describe_is_an_error(document: Any) -> None:
    with pytest.raises(PolicyError, match="INFER_INVALID"):
        infer.infer(document)


def test_a_proposal_loads_and_says_why(tmp_path: Path) -> None:
    text = infer.render(
        infer.infer({"tools": [tool("send_email", "x", to="string", body="string")]}, server="mail")
    )
    assert "because:" in text
    policy = loaded(
        tmp_path, text, "policy: p\nrules: [{id: a, allow: '*', when: 'origin(targets) == \"prompt\"'}]"
    )
    spec = policy.spec("send_email", "mail")
    assert spec is not None
    assert spec.args["to"].role == "target"


def test_garbage_in_schemas_does_not_stop_it() -> None:
    odd = {
        "name": "x",
        "inputSchema": {
            "properties": {"a": None, "b": {"type": ["string", "null"]}, "c": {"anyOf": 5}},
            "required": [],
        },
    }
    args = infer.infer([odd])["tools"]["x"]["args"]
    assert args["b"]["type"] == "string"
    assert set(args) == {"a", "b", "c"}


def test_a_name_that_is_a_pattern_describes_nothing() -> None:
    for name in ("*", "get_?", "a\nb"):
        with pytest.raises(PolicyError, match="INFER_INVALID"):
            guessed(tool(name, "Sends everything"))


def test_a_tool_described_twice_and_not_alike_is_refused() -> None:
    with pytest.raises(PolicyError, match="described twice"):
        guessed(tool("get_user", id="string"), tool("get_user", id="integer"))
    assert list(guessed(tool("get_user"), tool("get_user"))) == ["get_user"]


def test_schemas_are_read_through_references_and_all_of() -> None:
    found = guessed(
        {
            "name": "send_note",
            "inputSchema": {
                "$defs": {"Mail": {"type": "string", "format": "email"}},
                "allOf": [{"properties": {"to": {"$ref": "#/$defs/Mail"}}, "required": ["to"]}],
                "properties": {
                    "copies": {"type": "array", "items": {"$ref": "#/$defs/Mail"}},
                    "pages": {"allOf": [{"type": "integer"}]},
                    "properties": {"type": "object", "properties": {"inner": {"type": "string"}}},
                },
                "required": ["pages"],
            },
        }
    )
    args = found["send_note"]["args"]
    assert args["to"] == {"role": "target", "type": "email"}
    assert args["copies"]["type"] == "list[email]"
    assert args["pages"] == {"role": "selector", "type": "integer"}
    assert args["properties"]["type"] == "object"


def test_parameters_of_a_path_belong_to_all_its_operations() -> None:
    where = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    document = {"paths": {"/notes/{id}": {"parameters": where, "delete": {"operationId": "deleteNote"}}}}
    found: Any = infer.infer(document)
    assert found["tools"]["deleteNote"]["args"] == {"id": {"role": "selector", "type": "string"}}


@pytest.mark.parametrize(
    "document",
    [
        {"paths": {"/a": {"get": {"parameters": 5, "requestBody": {"content": [1]}}}}},
        {"paths": {"/a": {"get": {"operationId": 5}, "parameters": {"x": 1}, "post": 3}}},
        {"tools": [{"name": "get_a", "inputSchema": {"properties": {"x": 1}, "required": "x"}}]},
    ],
)
def test_what_is_malformed_in_a_description_is_passed_over(document: Any) -> None:
    assert infer.infer(document)["tools"]


def test_schemas_that_refer_to_themselves_end() -> None:
    wide: dict[str, Any] = {f"p{i}": {"$ref": "#/components/schemas/N"} for i in range(50)}
    schemas = {
        "N": {"type": "object", "properties": wide},
        "M": {"allOf": [{"$ref": "#/components/schemas/M"}] * 50},
    }
    bodies = [{"content": {"a/b": {"schema": {"$ref": f"#/components/schemas/{name}"}}}} for name in schemas]
    paths = {f"/{i}": {"post": {"requestBody": body}} for i, body in enumerate(bodies)}
    found: Any = infer.infer({"components": {"schemas": schemas}, "paths": paths})
    assert len(found["tools"]["post_0"]["args"]) == 50


def test_python_hints_are_read_as_types() -> None:
    found: Any = infer.infer_python(
        "def set_mode(mode: Literal['a'], who: Annotated[str, 'Person to tell'], when: datetime, ids: set[int],\n"
        "    names: Optional[List[str]] = None, n: Union[int, None] = None, cc: 'list[str] | None' = None,\n"
        "    other: Colour = None, plain=None, box: Annotated[Mailbox, Depends('x')] = None): ..."
    )
    args = found["tools"]["set_mode"]["args"]
    assert {name: arg["type"] for name, arg in args.items()} == {
        "mode": "any",
        "who": "string",
        "when": "datetime",
        "ids": "list[integer]",
        "names": "list[string]",
        "n": "integer",
        "cc": "list[email]",
        "other": "any",
        "plain": "any",
    }
    assert args["who"]["role"] == "target"


@pytest.mark.parametrize(
    ("name", "description", "does"),
    [
        ("oncall_who", "Technician on call.", ["read"]),
        ("whoEdits", "", ["read"]),
        ("pickupPoints", "Pick-up points in a town.", ["read"]),
        ("group_members", "Logins in a group.", ["read"]),
        ("letters", "Letters to the editor of a day.", ["read"]),
        ("parcel", "Where a parcel is right now.", ["read"]),
        ("blinds", "Lowers the blinds.", ["write"]),
        ("lights", "", ["write"]),
        ("spike", "Throws a draft away for good.", ["delete"]),
        ("piece_off", "Takes a piece off the site.", ["write", "delete"]),
        ("user_off", "Deactivates an account.", ["admin"]),
        ("push_alert", "Pushes an alert to every reader.", ["write", "send"]),
        ("drop_line", "Writes a short mail to somebody.", ["write"]),
        ("drop_table", "", ["delete"]),
    ],
)
def test_what_names_and_docstrings_say_together(name: str, description: str, does: list[str]) -> None:
    assert guessed(tool(name, description))[name]["does"] == does


def test_what_shows_words_of_its_own_shows_them_to_others() -> None:
    found = guessed(
        tool("corrections", "Prints a correction under a piece.", slug="string", text="string"),
        tool("readers", "Prints how many people read a piece.", slug="string"),
    )
    assert found["corrections"]["does"] == ["write"]
    assert found["readers"]["does"] == ["read"]


def test_where_name_and_docstring_disagree_the_result_is_anybodys() -> None:
    found = guessed(tool("cancel", "What was called off lately."))["cancel"]
    assert found["does"] == ["delete"]
    assert found["result"] == "untrusted"


def test_an_argument_called_mail_is_a_target_of_what_acts() -> None:
    found = guessed(tool("share_draft", slug="string", mail="string"), tool("read_mail", mail="string"))
    assert found["share_draft"]["args"]["mail"]["role"] == "target"
    assert found["read_mail"]["args"]["mail"]["role"] == "selector"


def test_a_noun_at_the_end_of_a_name_gives_way_to_a_docstring_that_acts() -> None:
    found = guessed(
        tool("shop_price", "Mark an article with another price.", article="string", euros="integer"),
        tool("rent_ledger", "Charges and payments of a tenant.", tenant="string"),
        tool("tour_off", "Call a tour off.", tour="integer"),
    )
    assert [found[name]["does"] for name in found] == [["write"], ["read"], ["delete"]]


def test_a_book_of_addresses_is_a_directory_and_a_guest_book_is_not() -> None:
    found = guessed(
        tool("address_book", "Looks up people."), tool("guest_book", "Pages of a day.", day="string")
    )
    assert found["address_book"]["result"] == "directory"
    assert found["guest_book"]["result"]["text"] == "untrusted"


@pytest.mark.parametrize(
    ("name", "description", "does"),
    [
        ("storeLevels", "How full the silos are.", ["read"]),
        ("delete_what", "What is deleted.", ["delete"]),
        ("wire", "What the agencies carry.", ["read"]),
        ("mailMember", "Drops a member a mail.", ["send"]),
        ("takeBack", "Notes that a machine has come back.", ["write"]),
        ("letters_in", "Letters that others sent.", ["read"]),
        ("haltWater", "Shuts the water off.", ["write"]),
    ],
)
def test_docstrings_that_ask_and_verbs_that_are_things(name: str, description: str, does: list[str]) -> None:
    assert guessed(tool(name, description))[name]["does"] == does


def test_codes_of_things_are_no_programs_and_several_phones_are_targets() -> None:
    args = guessed(
        tool(
            "send_it",
            fieldCode="string",
            code="string",
            source_code="string",
            phones="string",
            euros="integer",
        )
    )["send_it"]["args"]
    assert {name: arg["role"] for name, arg in args.items()} == {
        "fieldCode": "selector",
        "code": "command",
        "source_code": "command",
        "phones": "target",
        "euros": "selector",
    }
    assert args["fieldCode"]["type"] == "string"


@pytest.mark.parametrize(
    ("described", "does", "why"),
    [
        (tool("fuel_cap", "Ceiling of a driver's card.", driver="string", euros="number"), "write", "amount"),
        (tool("report_it", "Reports an incident.", place="string", details="string"), "write", "a text"),
        (
            tool("term", "Duration of storage of a file.", file="string", years="integer"),
            "write",
            "more than a thing",
        ),
        (tool("forgo", "Units that will not be billed.", matter="string"), "write", "how things will be"),
        (tool("order_state", "Closure of an order.", order="string"), "write", "name of an act"),
        (tool("seats", "Seats of a hall.", hall="string", day="string"), "read", "description"),
        (tool("kb_search", "Articles of the knowledge base.", words="string"), "read", "named"),
        (tool("door_list", "Hand the door somebody.", person="string"), "write", "named"),
        (tool("uninvite", "Not wanted any more.", guest="string"), "delete", "named"),
        (tool("price_of", "Get a price.", shop="string", item="string"), "read", "description"),
    ],
)
def test_what_a_tool_must_be_given_speaks_against_reading(
    described: dict[str, Any], does: str, why: str
) -> None:
    found = guessed(described)[described["name"]]
    assert found["does"] == [does]
    assert why in found["because"]
    assert does == "read" or why == "named" or found["result"] == "untrusted"


def test_an_unknown_act_with_a_sum_and_somebody_may_be_a_payment() -> None:
    assert guessed(tool("emit", "Fnord.", payee="string", sum="number"))["emit"]["does"] == ["write", "pay"]
    assert guessed(tool("emit", "Fnord.", payee="string"))["emit"]["does"] == ["write"]


def test_what_a_server_says_against_a_tool_is_believed() -> None:
    reader = {**tool("index", "Index of matters."), "annotations": {"readOnlyHint": True}}
    silent = tool("barrier", "The person sees the matter.", matter="string")
    found = guessed(reader, silent)
    assert found["barrier"]["does"] == ["write"]
    assert "the server says of others that they only read" in found["barrier"]["because"]
    assert found["index"]["does"] == guessed(silent)["barrier"]["does"] == ["read"]
    writer = {**tool("get_it", "Gets it."), "annotations": {"readOnlyHint": False}}
    assert guessed(writer)["get_it"]["does"] == ["write"]


@pytest.mark.parametrize(
    ("description", "does"),
    [
        ("Adjustment of the daily limit.", ["write"]),
        ("Removal of a shelf.", ["delete"]),
        ("Cancellation of a booking.", ["delete"]),
        ("Submission of a form.", ["send"]),
        ("Recall of a parcel.", ["write"]),
        ("Undelegation; the stake comes back.", ["write"]),
        ("Position of a van.", ["read"]),
        ("Maintenance windows of a site.", ["read"]),
        ("Message inquiry. Delivers what came.", ["read"]),
        ("Message all members.", ["send"]),
        ("Hearings listed for the firm.", ["read"]),
        ("Rate card of a lane.", ["read"]),
    ],
)
def test_nouns_that_are_made_of_verbs_are_acts(description: str, does: list[str]) -> None:
    assert guessed(tool("xqj", description, id="string"))["xqj"]["does"] == does


def test_what_acts_and_need_not_be_told_anything_may_return_what_anybody_wrote() -> None:
    assert guessed(tool("refresh_all", "Updates all."))["refresh_all"]["result"] == "untrusted"


def test_what_others_must_be_told_is_a_key_in_results_and_no_text() -> None:
    listing = tool("tenant_requests", "Requests of tenants.")
    assert guessed(listing)["tenant_requests"]["result"]["request"] == "untrusted"
    reply = tool("reply_to", "Replies.", request="string", text="string")
    assert "request" not in guessed(listing, reply)["tenant_requests"]["result"]


def test_a_word_that_all_names_begin_with_is_the_vendors() -> None:
    found = guessed(
        tool("API-get-block-children", "Vendor | Retrieve block children", block_id="string"),
        tool("API-delete-a-row", "Vendor | Delete a row", row_id="string"),
        tool("API-patch-page", "Vendor | Update a page", page_id="string"),
    )
    assert [entry["does"] for entry in found.values()] == [["read"], ["delete"], ["write"]]
    assert found["API-get-block-children"]["result"]["trust"] != "receipt"
    readers = guessed(tool("get_a", id="string"), tool("get_b", id="string"), tool("get_c", id="string"))
    assert all(entry["does"] == ["read"] for entry in readers.values())


@pytest.mark.parametrize(
    ("description", "does"),
    [
        ("🎯 Purpose:\n  1. Removes an object.\n\n📦 Returns:\n  1. Nothing.", ["delete"]),
        ("### Overview\n\nRetrieves a paginated list of objects.", ["read"]),
        ("CRM | Purge an object", ["delete"]),
        ("Acknowledgement", ["write"]),
    ],
)
def test_a_heading_says_nothing(description: str, does: list[str]) -> None:
    assert guessed(tool("xqj", description, id="string"))["xqj"]["does"] == does


def test_only_an_act_that_is_named_gives_a_receipt() -> None:
    found = guessed(
        tool("aggregate", "Run an aggregation.", collection="string"),
        tool("run_job", "Run a job.", job="string"),
    )
    assert found["aggregate"]["does"] == ["exec"]
    assert found["aggregate"]["result"] == "untrusted"
    assert found["run_job"]["result"]["trust"] == "receipt"


def test_what_points_at_a_text_is_no_text() -> None:
    described = {
        "thread": "The timestamp of the parent message",
        "anchor": "Message ID to reply to",
        "said": "Text of the answer",
    }
    args = guessed(
        tool("post_answer", "", **{n: {"type": "string", "description": d} for n, d in described.items()})
    )["post_answer"]["args"]
    assert [args[name]["role"] for name in described] == ["selector", "selector", "content"]


def test_an_object_holds_fields_and_no_prose() -> None:
    args = guessed(tool("update_employee", "", employee_data="object", note="string"))["update_employee"][
        "args"
    ]
    assert (args["employee_data"]["role"], args["note"]["role"]) == ("selector", "content")


def test_what_is_given_a_command_runs_it() -> None:
    assert (
        "exec"
        in guessed(tool("start_process", "Start a process.", command="string"))["start_process"]["does"]
    )


def test_a_verb_in_passing_deletes_nothing() -> None:
    assert guessed(tool("set_nickname", "Set or clear a nickname.", nickname="string"))["set_nickname"][
        "does"
    ] == ["write"]


def test_a_chat_belongs_to_its_members_only_in_a_workspace() -> None:
    reading = tool("read_messages", "Read recent messages.", channel_id="string")
    assert guessed(reading)["read_messages"]["result"]["trust"] == "untrusted"
    assert guessed(reading, tool("invite_to_slack"))["read_messages"]["result"]["trust"] == "records"


def test_a_filter_called_domain_is_no_place_on_the_web() -> None:
    listing = tool("list_entities", domain="string")
    listing["inputSchema"]["required"] = []
    assert guessed(listing)["list_entities"]["args"]["domain"]["role"] == "selector"
    assert (
        guessed(tool("lookup", "Look up DNS records.", domain="string"))["lookup"]["args"]["domain"]["role"]
        == "target"
    )


def test_fields_of_annotated_hints_describe_and_a_context_is_not_given() -> None:
    source = (
        "def post(ctx: Context, anchor: Annotated[str, Field(description='ID of the message')],"
        " said: Annotated[str, Field(description='Text of the answer')]): ..."
    )
    args = infer.infer_python(source)["tools"]["post"]["args"]  # type: ignore[index,call-overload]
    assert {name: arg["role"] for name, arg in args.items()} == {"anchor": "selector", "said": "content"}


@pytest.mark.parametrize(
    ("name", "description", "does"),
    [
        ("monitor_delete", "Permanently delete a monitor.", ["delete"]),
        ("watch_card", "Subscribe to a card.", ["persist"]),
        ("check_status", "Check the status.", ["read"]),
        ("list_all", "Lists all.", ["read"]),
    ],
)
def test_words_that_read_loosely_give_way_to_verbs_of_acts(
    name: str, description: str, does: list[str]
) -> None:
    assert guessed(tool(name, description, id="string"))[name]["does"] == does


def test_what_a_server_calls_destructive_still_does_what_its_words_say() -> None:
    runs = tool("exec_in_pod", "Execute a command in a pod.", command="string")
    runs["annotations"] = {"destructiveHint": True}
    assert guessed(runs)["exec_in_pod"]["does"] == ["write", "exec"]
