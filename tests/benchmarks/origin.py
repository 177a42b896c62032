"""A fast origin on the loopback: one file, ranges, sendfile. Both contestants fetch from it."""

from __future__ import annotations

import contextlib
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path


def serve_file(pipe: Connection, path: Path) -> None:
    """Serve this file under every path until killed; says its port first."""
    size_bytes = path.stat().st_size

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            first = int(asked[1]) if asked else 0
            last = min(int(asked[2]), size_bytes - 1) if asked and asked[2] else size_bytes - 1
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{last}/{size_bytes}")
            self.send_header("Content-Length", str(last + 1 - first))
            self.send_header("ETag", '"one"')
            self.end_headers()
            self.wfile.flush()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError), path.open("rb") as file:
                # a client may leave at the new end of a part that was split
                self.connection.sendfile(file, first, last + 1 - first)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        pipe.send(server.server_address[1])
        server.serve_forever()
