"""The tools of a code host, as an MCP server lists them: long schemas, project and iid everywhere, JSON answers."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}
SAID = {
    "project_id": "ID or path of the project", "issue_iid": "Number of the issue in its project",
    "merge_request_iid": "Number of the merge request", "body": "Text of the note", "labels": "Names of labels",
    "assignee_ids": "IDs of users", "state_event": "close or reopen", "ref": "The branch or tag to run on",
    "pipeline_id": "The ID of the pipeline", "job_id": "The ID of the job", "file_path": "Path of the file", "content": "Content of the file",
    "commit_message": "Commit message", "branch": "Branch to create/update the file in", "user_id": "The ID of the user",
    "access_level": "Access level (10=guest, 20=reporter, 30=developer, 40=maintainer)", "key": "The key of a variable",
    "value": "The value of a variable", "tag_name": "The tag the release is created from", "squash": "Squash commits on merge",
    "search": "Search for specific terms", "title": "Title", "description": "Description", "slug": "URL-encoded slug of the page",
    "url": "The hook URL", "visibility": "private, internal or public",
}  # fmt: skip


def _row(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _tool(name: str, said: str, required: str, optional: str = "") -> dict[str, Any]:
    kinds: dict[str, Any] = {
        "labels": {"type": "array", "items": {"type": "string"}}, "assignee_ids": {"type": "array", "items": {"type": "number"}},
        "access_level": {"type": "number"}, "squash": {"type": "boolean"}, "user_id": {"type": "number"},
    }  # fmt: skip
    properties = {
        arg: {**kinds.get(arg, {"type": "string"}), **({"description": SAID[arg]} if arg in SAID else {})}
        for arg in (*required.split(), *optional.split())
    }
    return {"name": name, "description": said, "inputSchema": {"type": "object", "properties": properties, "required": required.split(), "$schema": "http://json-schema.org/draft-07/schema#"}}  # fmt: skip


LISTED: dict[str, Any] = {
    "tools": [
        _tool("list_issues", "List issues of a project, filtered", "project_id", "search labels state"),
        _tool("get_issue", "Get details of a specific issue", "project_id issue_iid"),
        _tool("list_issue_discussions", "List discussions for an issue", "project_id issue_iid"),
        _tool("create_issue", "Create a new issue", "project_id title", "description labels assignee_ids"),
        _tool("update_issue", "Update an issue", "project_id issue_iid", "title description labels assignee_ids state_event"),
        _tool("delete_issue", "Delete an issue of a project", "project_id issue_iid"),
        _tool("create_issue_note", "Add a note to an issue's thread", "project_id issue_iid body"),
        _tool("list_merge_requests", "List merge requests of a project, filtered", "project_id", "state search"),
        _tool("get_merge_request", "Get details of a merge request by number or by branch", "project_id", "merge_request_iid source_branch"),
        _tool("mr_discussions", "List what was discussed under a merge request", "project_id merge_request_iid"),
        _tool("merge_merge_request", "Merge a merge request", "project_id merge_request_iid", "squash"),
        _tool("approve_merge_request", "Approve a merge request, if one may.", "project_id merge_request_iid"),
        _tool("get_file_contents", "Get the contents of a file or directory of a project", "project_id file_path", "ref"),
        _tool("create_or_update_file", "Create or update one file", "project_id file_path content commit_message branch"),
        _tool("create_branch", "Create a new branch", "project_id branch", "ref"),
        _tool("list_pipelines", "List pipelines of a project, filtered", "project_id", "ref"),
        _tool("get_pipeline_job_output", "Get what a job printed", "project_id job_id"),
        _tool("retry_pipeline", "Retry a pipeline that failed or was canceled", "project_id pipeline_id"),
        _tool("cancel_pipeline", "Cancel a running pipeline", "project_id pipeline_id"),
        _tool("create_pipeline", "Create a new pipeline for a branch or tag", "project_id ref"),
        _tool("list_project_members", "List members of a project", "project_id"),
        _tool("add_project_member", "Add a member to a project", "project_id user_id access_level"),
        _tool("create_project_variable", "Create a CI/CD variable of a project", "project_id key value"),
        _tool("create_release", "Create a new release", "project_id tag_name", "title description"),
        _tool("update_wiki_page", "Update an existing wiki page", "project_id slug", "title content"),
        _tool("create_project_hook", "Add a hook to a project", "project_id url"),
        _tool("update_project", "Update settings of a project", "project_id", "description visibility"),
    ]
}  # fmt: skip


def list_issues(project_id: str, search: str = "", labels: Any = None, state: str = "") -> Any:
    return [dict(i) for i in STATE["issues"]]


def get_issue(project_id: str, issue_iid: str) -> Any:
    return dict(_row("issues", "iid", issue_iid))


def list_issue_discussions(project_id: str, issue_iid: str) -> Any:
    return [dict(n) for n in STATE["notes"] if n["issue"] == issue_iid]


def create_issue(
    project_id: str, title: str, description: str = "", labels: Any = None, assignee_ids: Any = None
) -> Any:
    STATE["issues"].append(
        {"iid": "99", "title": title, "description": description, "labels": labels, "state": "opened"}
    )
    return dict(STATE["issues"][-1])


def update_issue(project_id: str, issue_iid: str, **fields: Any) -> Any:
    _row("issues", "iid", issue_iid).update(fields)
    return dict(_row("issues", "iid", issue_iid))


def delete_issue(project_id: str, issue_iid: str) -> Any:
    STATE["issues"] = [i for i in STATE["issues"] if i["iid"] != issue_iid]
    return {"status": "success", "message": "Issue deleted successfully"}


def create_issue_note(project_id: str, issue_iid: str, body: str) -> Any:
    STATE["notes"].append({"id": 99, "issue": issue_iid, "author": {"username": "bot"}, "body": body})
    return dict(STATE["notes"][-1])


def list_merge_requests(project_id: str, state: str = "", search: str = "") -> Any:
    return [dict(m) for m in STATE["merges"]]


def get_merge_request(project_id: str, merge_request_iid: str = "", source_branch: str = "") -> Any:
    return dict(_row("merges", "iid", merge_request_iid))


def mr_discussions(project_id: str, merge_request_iid: str) -> Any:
    return {
        "items": [dict(n) for n in STATE["notes"] if n["issue"] == "!" + merge_request_iid],
        "pagination": {"page": 1},
    }


def merge_merge_request(project_id: str, merge_request_iid: str, squash: bool = False) -> Any:
    _row("merges", "iid", merge_request_iid)["state"] = "merged"
    return {"iid": merge_request_iid, "state": "merged"}


def approve_merge_request(project_id: str, merge_request_iid: str) -> Any:
    _row("merges", "iid", merge_request_iid)["approved"] = True
    return {"iid": merge_request_iid, "approved": True}


def get_file_contents(project_id: str, file_path: str, ref: str = "") -> Any:
    return {
        "file_path": file_path,
        "content": _row("files", "path", file_path)["content"],
        "encoding": "text",
    }


def create_or_update_file(
    project_id: str, file_path: str, content: str, commit_message: str, branch: str
) -> Any:
    STATE["commits"].append([file_path, content, branch])
    return {"file_path": file_path, "branch": branch}


def create_branch(project_id: str, branch: str, ref: str = "main") -> Any:
    STATE["branches"].append(branch)
    return {"name": branch, "commit": {"id": "9af2c1"}}


def list_pipelines(project_id: str, ref: str = "") -> Any:
    return [dict(p) for p in STATE["pipelines"]]


def get_pipeline_job_output(project_id: str, job_id: str) -> Any:
    return _row("jobs", "id", job_id)["trace"]


def retry_pipeline(project_id: str, pipeline_id: str) -> Any:
    _row("pipelines", "id", pipeline_id)["status"] = "running"
    return dict(_row("pipelines", "id", pipeline_id))


def cancel_pipeline(project_id: str, pipeline_id: str) -> Any:
    _row("pipelines", "id", pipeline_id)["status"] = "canceled"
    return dict(_row("pipelines", "id", pipeline_id))


def create_pipeline(project_id: str, ref: str) -> Any:
    STATE["pipelines"].append({"id": "p99", "ref": ref, "status": "created"})
    return dict(STATE["pipelines"][-1])


def list_project_members(project_id: str) -> Any:
    return [dict(m) for m in STATE["members"]]


def add_project_member(project_id: str, user_id: int, access_level: int) -> Any:
    STATE["members"].append({"id": user_id, "access_level": access_level})
    return {"id": user_id, "access_level": access_level}


def create_project_variable(project_id: str, key: str, value: str) -> Any:
    STATE["variables"].append([key, value])
    return {"key": key}


def create_release(project_id: str, tag_name: str, title: str = "", description: str = "") -> Any:
    STATE["releases"].append([tag_name, description])
    return {"tag_name": tag_name}


def update_wiki_page(project_id: str, slug: str, title: str = "", content: str = "") -> Any:
    STATE["wiki"].append([slug, content])
    return {"slug": slug}


def create_project_hook(project_id: str, url: str) -> Any:
    STATE["hooks"].append(url)
    return {"id": 12, "url": url}


def update_project(project_id: str, description: str = "", visibility: str = "") -> Any:
    STATE["settings"].append([description, visibility])
    return {"id": project_id, "visibility": visibility}
