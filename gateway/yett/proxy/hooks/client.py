"""The command a coding agent runs before and after each tool: event in on stdin, answer out on stdout.

Run as `python -I -S client.py AGENT ADDRESS TOKEN_FILE [SECONDS]`. It knows nothing of hooks or policies: it hands the
bytes of the event to the sidecar and prints what comes back. Its one duty is to fail closed: without a
complete answer to this very question, in time, it blocks the tool in the agent's own way. The answer is sealed
with the token over our nonce and its body, so that what was garbled on the way, or comes from something else
that listens there, is no answer. The standard library's C modules alone (no `json`, no `socket`, whose imports cost more than all the rest): the start of
the interpreter is most of the time it takes.
"""

import _blake2
import _socket
import posix
import sys
import time

LIMIT = 4 << 20
"""Bytes of an event or an answer."""
SECONDS = 20.0
"""For the whole exchange; agents wait longer than this for a hook."""


class Failed(Exception):
    """Why there is no answer."""


def main() -> int:
    agent = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        if len(sys.argv) not in (4, 5):
            raise Failed("the hook is set up wrongly")
        seconds = float(sys.argv[4]) if len(sys.argv) == 5 else SECONDS
        answer = ask(agent, sys.argv[2], sys.argv[3], read_event(), seconds)
    except Failed as failed:
        return block(agent, str(failed))
    except BaseException as error:  # noqa: BLE001 -- whatever it was, the tool must not run
        return block(agent, type(error).__name__)
    return 0 if write(1, answer) else block(agent, "the answer could not be passed on")


def read_event() -> bytes:
    parts: list[bytes] = []
    size = 0
    while data := posix.read(0, 65536):
        parts.append(data)
        size += len(data)
        if size > LIMIT:
            # The gateway is to know that something ended of which nobody knows what it was.
            parts.clear()
    return b"".join(parts) if size <= LIMIT else b""


def ask(agent: str, address: str, token_file: str, event: bytes, seconds: float) -> bytes:
    """One HTTP/1.1 exchange. The answer is complete, marked as a hook's, and echoes our nonce."""
    deadline = time.monotonic() + seconds
    nonce = posix.urandom(16).hex()
    token = read_token(token_file)
    head = (
        f"POST /v1/hooks/{agent} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(event)}\r\nx-yett-nonce: {nonce}\r\n"
        "connection: close\r\n\r\n"
    )
    connection = connect(address)
    try:
        send(connection, head.encode("ascii") + event, deadline)
        received = receive(connection, deadline)
    except OSError as error:
        raise Failed(f"the gateway broke off ({type(error).__name__})") from None
    finally:
        connection.close()
    return checked(received, seal_key(token), nonce)


def seal_key(token: str) -> bytes:
    return _blake2.blake2b(token.encode("ascii"), digest_size=64).digest()


def seal(key: bytes, nonce: str, body: bytes) -> bytes:
    """Keyed BLAKE2b-256 (RFC 7693) over nonce and answer."""
    return (
        _blake2.blake2b(nonce.encode("ascii") + b"\n" + body, digest_size=32, key=key)
        .hexdigest()
        .encode("ascii")
    )


def checked(received: bytes, key: bytes, nonce: str) -> bytes:
    head, end, body = received.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    status = lines[0].split(b" ")
    if not end or len(status) < 2 or status[0] != b"HTTP/1.1":
        raise Failed("the gateway's answer is not HTTP")
    if status[1] != b"200":
        raise Failed(f"the gateway answered {status[1][:3].decode('ascii', 'replace')}")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or name.lower() in headers:
            raise Failed("the gateway's answer is garbled")
        headers[name.lower()] = value.strip()
    if headers.get(b"content-length") != str(len(body)).encode("ascii"):
        raise Failed("the gateway's answer is cut short")
    if headers.get(b"x-yett-seal") != seal(key, nonce, body):
        raise Failed("the answer is not one to this question")
    return body


def connect(address: str) -> _socket.socket:
    unix = address.startswith("/")
    connection = _socket.socket(_socket.AF_UNIX if unix else _socket.AF_INET, _socket.SOCK_STREAM)
    try:
        connection.settimeout(5.0)
        if unix:
            connection.connect(address)
        else:
            host, _, port = address.rpartition(":")
            connection.connect((host, int(port)))
    except (OSError, ValueError):
        connection.close()
        raise Failed("the gateway can't be reached; is `yett serve` running?") from None
    return connection


def send(connection: _socket.socket, data: bytes, deadline: float) -> None:
    view = memoryview(data)
    while view:
        connection.settimeout(left(deadline))
        view = view[connection.send(view) :]


def receive(connection: _socket.socket, deadline: float) -> bytes:
    """All there is, up to the announced length, the end of the connection or the limit."""
    received = b""
    while not complete(received):
        connection.settimeout(left(deadline))
        data = connection.recv(65536)
        if not data:
            break
        received += data
        if len(received) > LIMIT:
            raise Failed("the gateway's answer is too large")
    return received


def complete(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
    return False


def left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise Failed("the gateway did not answer in time")
    return seconds


def read_token(path: str) -> str:
    try:
        handle = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            token = posix.read(handle, 16384)
        finally:
            posix.close(handle)
        text = token.decode("ascii").strip()
    except (OSError, ValueError):
        raise Failed("the hook's token can't be read") from None
    if not text or not all(33 <= ord(letter) < 127 for letter in text):
        raise Failed("the hook's token can't be read")
    return text


def block(agent: str, why: str) -> int:
    """Stop the tool, in the words of the agent. Exit status 2 blocks in Claude Code, Codex, Gemini and Cursor;
    Copilot wants its answer on stdout and a status of 0."""
    text = f"Yett blocked this: {why}. No tool runs unjudged."
    plain = "".join(letter if letter.isprintable() and letter not in '"\\' else " " for letter in text)
    write(2, plain.encode() + b"\n")
    if agent == "copilot":
        written = write(1, b'{"permissionDecision":"deny","permissionDecisionReason":"%s"}' % plain.encode())
        return 0 if written else 2
    if agent == "cursor":
        write(
            1,
            b'{"permission":"deny","user_message":"%s","agent_message":"%s"}'
            % (plain.encode(), plain.encode()),
        )
    return 2


def write(handle: int, data: bytes) -> bool:
    try:
        while data:
            data = data[posix.write(handle, data) :]
    except OSError:
        return False
    return True


if __name__ == "__main__":
    posix._exit(main())
