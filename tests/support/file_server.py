"""A server of one file, with the faults that servers have."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import threading
import time

import numpy as np
import pytest

CONTENT = np.random.default_rng(3).integers(0, 256, 3_000_000, dtype=np.uint8).tobytes()
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class FileServer(http.server.ThreadingHTTPServer):
    """Serves CONTENT; can break off, be slow, ignore ranges, or refuse."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.break_after = []  # bytes sent by the next answers before the connection breaks
        self.ranges = True
        self.status = 200
        self.pause_s = 0.0  # before each 3000 bytes
        self.seen = []  # (path, Range header)

    def url(self, name="w.bin"):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.seen.append((self.path, wanted))
        if server.status != 200:
            self.send_error(server.status)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.ranges else 0
        if start >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        limit = server.break_after.pop(0) if server.break_after else len(body)
        with contextlib.suppress(ConnectionError):
            for at in range(0, limit, 3000) if server.pause_s else ():
                time.sleep(server.pause_s)
                self.wfile.write(body[at : min(at + 3000, limit)])
            if not server.pause_s:
                self.wfile.write(body[:limit])
        if limit < len(body):
            self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    running = FileServer()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()
