"""The messages of Envoy's `ext_authz` v3 and of agentgateway's `ExtMcp`, as far as they are read or written here.

Protobuf skips the fields a message does not declare, so each table holds those that matter and no more. The
classes are made from the tables when this module is loaded: no generated code that a later protobuf refuses.

Sources: `envoy/service/auth/v3/external_auth.proto` and `attribute_context.proto`,
`envoy/config/core/v3/base.proto`, `google/rpc/status.proto`; agentgateway's `crates/protos/proto/ext_mcp.proto`.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2

_PACKAGE: Final = "yett.rpc"  # of our own, so that the real ones can be loaded beside them
_SCALARS: Final = {"string": 9, "bytes": 12, "int32": 5, "int64": 3, "struct": 11}
_ENVOY: Final = {
    "HeaderValue": "1 key string, 2 value string, 3 raw_value bytes",
    "HeaderMap": "1 headers HeaderValue*",
    "HttpRequest": "2 method string, 3 headers string^, 4 path string, 5 host string, 9 size int64, "
    "11 body string, 12 raw_body bytes, 13 header_map HeaderMap",
    "Request": "2 http HttpRequest",
    "AttributeContext": "4 request Request, 10 context_extensions string^",
    "CheckRequest": "1 attributes AttributeContext",
    "Status": "1 code int32, 2 message string",
    "HttpStatus": "1 code int32",
    "HeaderValueOption": "1 header HeaderValue, 3 append_action int32",
    "DeniedHttpResponse": "1 status HttpStatus, 2 headers HeaderValueOption*, 3 body string",
    "OkHttpResponse": "2 headers HeaderValueOption*",
    "CheckResponse": "1 status Status, 2 denied_response DeniedHttpResponse, 3 ok_response OkHttpResponse",
}
_EXT_MCP: Final = {
    "McpRequest": "1 service_names string*, 2 method string, 3 metadata_context struct, 4 mcp_request bytes",
    "McpResponse": "1 service_names string*, 2 method string, 3 metadata_context struct, 4 mcp_response bytes",
    "Pass": "",
    "AuthorizationError": "1 code int32, 2 reason string",
    "McpResult": "1 passed Pass, 2 mutated bytes, 3 error AuthorizationError",
}
"""`McpResult` is both of `McpRequestResult` and `McpResponseResult`, whose fields here are the same."""


def _classes(messages: dict[str, str]) -> dict[str, Any]:
    """A class for each message. `*` marks a list, `^` a map from strings."""
    file = descriptor_pb2.FileDescriptorProto(
        name="yett/rpc.proto", package=_PACKAGE, syntax="proto3", dependency=["google/protobuf/struct.proto"]
    )
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field in filter(None, fields.split(", ")):
            number, title, kind = field.split()
            _field(message, int(number), title, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in messages
    }


def _field(message: Any, number: int, name: str, kind: str) -> None:
    added = message.field.add(name=name, number=number, label=3 if kind[-1] in "*^" else 1)
    plain = kind.rstrip("*^")
    added.type = _SCALARS.get(plain, 11)
    if plain == "struct":
        added.type_name = ".google.protobuf.Struct"
    elif plain not in _SCALARS:
        added.type_name = f".{_PACKAGE}.{plain}"
    if kind.endswith("^"):
        title = "".join(part.title() for part in name.split("_")) + "Entry"
        entry = message.nested_type.add(name=title)
        entry.options.map_entry = True
        _field(entry, 1, "key", "string")
        _field(entry, 2, "value", plain)
        added.type = 11
        added.type_name = f".{_PACKAGE}.{message.name}.{title}"


ENVOY: Final = _classes(_ENVOY)
EXT_MCP: Final = _classes(_EXT_MCP)
