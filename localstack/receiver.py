"""Somebody's endpoint of webhooks, on this machine."""

import contextlib
import http.server
import queue
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def receiving() -> Iterator[tuple[str, queue.Queue]]:
    """Takes everything; the address, and what came: each body with its headers, their names in small letters."""
    came: queue.Queue = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            came.put((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/hooks", came
    finally:
        server.shutdown()
        server.server_close()
