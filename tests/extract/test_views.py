"""What a string is declared to be by the names of its argument and its tool."""

from __future__ import annotations

import pytest

from yett.extract import views


@pytest.mark.parametrize("name", ["old_string", "new_string", "old_str", "new_str", "oldText", "file_text"])
@pytest.mark.parametrize("tool", ["edit_file", "Edit", "str_replace_editor"])
def test_what_an_editor_takes_out_and_puts_in_is_a_file_s_body(tool: str, name: str) -> None:
    assert views.of(tool, None, name, name) == "file"
    assert views.of(tool, None, "edits", name) == "file"


def test_a_form_s_field_of_that_name_is_data() -> None:
    assert views.of("http.post", None, "body", "new_string") == "data"


@pytest.mark.parametrize(
    ("tool", "name", "kind"),
    [
        ("bash", "command", "command"), ("powershell", "command", "windows"), ("db.query", "q", "sql"), ("notes.create", "content", "content"),
        ("write_file", "content", "file"), ("read_file", "path", "path"), ("fetch", "url", "url"), ("get_order", "order_id", "label"), ("x", "y", "data"),
    ],
)  # fmt: skip
def test_names_declare(tool: str, name: str, kind: str) -> None:
    assert views.of(tool, None, name, name) == kind
