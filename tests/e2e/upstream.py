"""An upstream on this machine that answers as badly as a test wants, over real HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Reply = tuple[int, dict[str, str], bytes]
Answer = Callable[[str, str], "Reply | None"]


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    """`value` as a JSON answer; header names are written with `_` for `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return status, {"Content-Type": "application/json", **named}, json.dumps(value).encode()


class BadUpstream:
    """Serves `answer(method, path with query)`; None means: hold the connection and never answer."""

    def __init__(self, answer: Answer, drip_s: float = 0.0) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self._stop = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests.append((self.command, self.path, self.headers.get("Authorization", "")))
                reply = answer(self.command, self.path + body.decode(errors="replace"))
                if reply is None:
                    outer._stop.wait(60)
                    self.close_connection = True
                    return
                self._send(*reply)

            def do_POST(self) -> None:
                self.do_GET()

            def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response_only(status)
                headers = {"Date": format_datetime(datetime.now(UTC), usegmt=True), **headers}
                for name, text in headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if not drip_s:
                    self.wfile.write(body)
                    return
                for byte in body:
                    if outer._stop.is_set():
                        return
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(drip_s)

            def log_message(self, *_: object) -> None:
                return None

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
