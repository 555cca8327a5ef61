"""One address for both doors of a deployment, as infra/edge.yaml makes it with CloudFront: the emulator has none."""

import asyncio
import re
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

from deployment import Deployment

HUB = "/hubs/signaling"
LONGEST_HEAD = 1 << 16


@contextmanager
def running(deployment: Deployment):
    """The address of the edge, while it runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(lambda *streams: pass_on(deployment, *streams), "127.0.0.1", 0, limit=LONGEST_HEAD)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def pass_on(deployment: Deployment, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request of a client, and whatever follows on its connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        target, head = routed(deployment, head)
        far_reader, far_writer = await asyncio.open_connection(target.hostname, target.port)
        far_writer.write(head.encode("latin-1"))
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
    except (OSError, asyncio.IncompleteReadError):
        writer.close()


def routed(deployment: Deployment, head: str):
    """Which door a request goes to, and its head as that door wants it."""
    request, headers = head.split("\r\n", 1)
    method, path, version = request.split(" ")
    hub = path.split("?")[0] == HUB
    door = urlsplit(deployment.websocket_url if hub else deployment.http_url)
    path = door.path + (path.removeprefix(HUB) if hub else path)
    headers = re.sub(r"(?im)^host:[^\r]*", f"host: {door.netloc}", headers)
    if not hub:
        # The next request may be for the other door.
        headers = "connection: close\r\n" + re.sub(r"(?im)^connection:[^\r]*\r\n", "", headers)
    return door, f"{method} {path} {version}\r\n{headers}"


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(LONGEST_HEAD):
        writer.write(data)
        await writer.drain()
    writer.close()
