"""Lambda's Runtime API and an AWS endpoint, just enough of both to time a function's cold start.

Plain sockets and one thread: what is measured is the function, and what the harness adds is a few tens of
microseconds. Protocol: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import selectors
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

INVOCATION_SECONDS = 30


@dataclass
class Timing:
    """Milliseconds: from exec to the first poll for work, and from the first event to its answer."""

    init: float
    invoke: float
    answer: dict
    calls: list[str] = field(default_factory=list)


class Failed(Exception):
    """The function did not start, or did not come to the next step within INVOCATION_SECONDS."""


@dataclass
class Request:
    """One HTTP request as it came over a socket."""

    line: str
    headers: dict[str, str]
    body: bytes
    at: float


class Connection:
    """A keep-alive HTTP/1.1 connection, read without blocking."""

    def __init__(self, accepted: socket.socket):
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = accepted
        self.buffer = b""

    def request(self) -> Request | None:
        """The next whole request, or None while it is incomplete. ConnectionError at the end."""
        received = self.socket.recv(65536)
        at = time.perf_counter()
        if not received:
            raise ConnectionError
        self.buffer += received
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        line, *fields = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
        length = int(headers.get("content-length", 0))
        if headers.get("transfer-encoding") == "chunked":
            body = chunks(rest)
            if body is None:
                return None
            self.buffer = b""
            return Request(line, headers, body, at)
        if len(rest) < length:
            return None
        self.buffer = rest[length:]
        return Request(line, headers, rest[:length], at)

    def respond(self, status: str, body: bytes, **headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def chunks(rest: bytes) -> bytes | None:
    """The body of a chunked request, or None while it is incomplete."""
    body = b""
    while True:
        size, separator, rest = rest.partition(b"\r\n")
        if not separator:
            return None
        count = int(size.split(b";")[0], 16)
        if len(rest) < count + 2:
            return None
        if count == 0:
            return body
        body, rest = body + rest[:count], rest[count + 2 :]


def listener() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(16)
    return listening


def cold_start(program: Path, event: dict, environment: dict[str, str], memory: int, cgroup: Path | None, output) -> Timing:
    """Starts a function once, gives it one event, and ends it.

    `environment` may name other endpoints for AWS than the one that is served here. `cgroup` is a group whose
    processor share the process gets from its first instruction. `output` is an open file for what the function logs.
    """
    with ExitStack() as stack:
        runtime, aws = (stack.enter_context(listener()) for _ in range(2))
        endpoint = f"http://127.0.0.1:{aws.getsockname()[1]}"
        here = {"AWS_ENDPOINT_URL": endpoint, "TUNRTC_CONNECTIONS_ENDPOINT": f"{endpoint}/ws", "TUNRTC_DELAY_QUEUE_URL": f"{endpoint}/1/queue"}
        variables = here | environment | {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.getsockname()[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": program.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
        }
        process, started = spawn(program, variables, cgroup, output)
        try:
            return attend(runtime, aws, event, started)
        finally:
            os.kill(process, 9)
            os.waitpid(process, 0)


def spawn(program: Path, environment: dict[str, str], cgroup: Path | None, output) -> tuple[int, float]:
    """Starts the program, in the control group if there is one; its process id and the moment before exec.

    Not by fork: giving up a copy of this process would cost the program a millisecond or two. For a group, a
    shell joins it, waits to be told, and becomes the program, which costs half a millisecond.
    """
    actions = [(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)]
    if cgroup is None:
        started = time.perf_counter()
        return os.posix_spawn(program, [str(program)], environment, file_actions=actions), started
    waiting, telling = os.pipe()
    script = 'echo $$ > "$0" && echo && read -r go && exec "$1" >&2'
    joined, joining = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, waiting, 0), (os.POSIX_SPAWN_DUP2, joining, 1), actions[1]]
    process = os.posix_spawn("/bin/sh", ["sh", "-c", script, str(cgroup / "cgroup.procs"), str(program)], environment, file_actions=actions)
    os.close(waiting)
    os.close(joining)
    has_joined = os.read(joined, 1)
    started = time.perf_counter()
    if has_joined:
        os.write(telling, b"\n")
    os.close(telling)
    os.close(joined)
    if not has_joined:
        os.waitpid(process, 0)
        raise Failed(f"{cgroup} could not be joined")
    return process, started


def attend(runtime: socket.socket, aws: socket.socket, event: dict, started: float) -> Timing:
    """Serves both endpoints until the event is answered."""
    selector = selectors.DefaultSelector()
    for listening in (runtime, aws):
        selector.register(listening, selectors.EVENT_READ, listening)
    polled = given = 0.0
    calls: list[str] = []
    deadline = time.perf_counter() + INVOCATION_SECONDS
    while (left := deadline - time.perf_counter()) > 0:
        for key, _ in selector.select(left):
            if key.fileobj in (runtime, aws):
                accepted, _ = key.fileobj.accept()
                selector.register(accepted, selectors.EVENT_READ, (Connection(accepted), key.fileobj is runtime))
                continue
            connection, of_runtime = key.data
            try:
                request = connection.request()
            except ConnectionError:
                selector.unregister(connection.socket)
                connection.socket.close()
                continue
            if request is None:
                continue
            if not of_runtime:
                calls.append(request.headers.get("x-amz-target", request.line).split(".")[-1])
                connection.respond("200 OK", stored(request), content_type="application/x-amz-json-1.0")
            elif "/invocation/next" in request.line and not polled:
                polled = request.at
                give(connection, event)
                given = time.perf_counter()
            elif "/init/error" in request.line:
                raise Failed(f"the function did not start: {request.body.decode()}")
            elif "/response" in request.line or "/error" in request.line:
                # An error is an answer too: it is how an authorizer says no.
                return Timing((polled - started) * 1e3, (request.at - given) * 1e3, json.loads(request.body), calls)
    raise Failed("the function did not poll" if not polled else "the function did not answer")


def give(connection: Connection, event: dict) -> None:
    """Hands out the event as the Runtime API does."""
    connection.respond(
        "200 OK", json.dumps(event).encode(), content_type="application/json",
        lambda_runtime_aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        lambda_runtime_deadline_ms=str(int(time.time() * 1000) + 30_000),
        lambda_runtime_invoked_function_arn="arn:aws:lambda:us-east-1:1:function:f",
        lambda_runtime_trace_id="Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
    )


def stored(request: Request) -> bytes:
    """What an empty table, and a queue, answer."""
    if "Query" in request.headers.get("x-amz-target", ""):
        return b'{"Items":[],"Count":0,"ScannedCount":0}'
    return b"{}"
