"""A server on loopback that speaks every protocol that models come over, and lies where it is told to.

It writes its answers to the socket by itself: no library would send most of them.

    with LyingServer() as server:
        for lie in lies(seed, server.documents):
            server.tell(lie)
            ...  # add `server.name(lie.protocol, number)`, install it, look at what became of it
"""

from __future__ import annotations

import base64
import contextlib
import functools
import gzip
import hashlib
import json
import socket
import socketserver
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from actors.shared.manifest.manifest_signature import CONTEXT, key_id_of, sign_manifest
from tests.support.http_servers import COMMIT, IMAGE_MANIFEST, git_blob_id
from tests.support.lies import ON_RESUME, STATUS_OF, Lie, Protocol, Role, with_value
from tests.support.signed_manifests import KEY, signed

WEIGHTS: Final = bytes(range(256)) * 160
"""The model, whatever it is asked for as: 40 kB."""
SHA256: Final = hashlib.sha256(WEIGHTS).hexdigest()
CONFIG: Final = b'{"layers": 1}'
TOKEN: Final = "lent-by-the-liar"
KEY_ID: Final = key_id_of(KEY.public_key().public_bytes_raw())
ENDLESS_BYTES: Final = 16 * 1024 * 1024
"""What is without end stops here, so that a client that reads on is seen to have read on."""
INTERIM_BYTES: Final = 1024 * 1024
SEND_SECONDS: Final = 5.0
KEEP_SECONDS: Final = 60.0


@dataclass
class _Answer:
    start: bytes = b"HTTP/1.1 200 OK"
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    timeout = KEEP_SECONDS

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while self._answer_one():
                pass

    def _answer_one(self) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline(65536)
            if not line:
                return False
            head += line
        self.connection.settimeout(SEND_SECONDS)
        goes_on = self.server.liar.answer(head.decode("latin-1"), self.connection)
        self.connection.settimeout(KEEP_SECONDS)
        return goes_on


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    liar: LyingServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is no fault of the test's."""


class LyingServer:
    """Honest until `tell` says what to lie about.

    Attributes:
        url: its base.
        documents: the honest JSON documents, by role.
        requests: method and path of every request since the last `tell`.
        sent_bytes: how much of its bodies was taken since then.
        version: of the manifest that it signs now.
    """

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.liar = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.documents: dict[Role, Any] = {
            "hub": self._hub(),
            "image": self._image(),
            "token": self._token(),
            "signed": self._models(1),
        }
        self.requests: list[str] = []
        self.sent_bytes = 0
        self._lie: Lie | None = None
        self._left = self._cuts = 0
        self.version = 1
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def tell(self, lie: Lie | None) -> None:
        """Lie about this from now on; None: be honest."""
        with self._lock:
            self._lie, self._left, self._cuts = lie, lie.times if lie else 0, 2
            self.version += 1
            self.requests = []
            self.sent_bytes = 0

    def name(self, protocol: Protocol, number: int) -> str:
        """The name to add for a protocol; each number names another model."""
        host = urlsplit(self.url).netloc
        return {
            "hf": f"hf:liar/m{number}",
            "oci": f"oci:{host}/liar/m{number}:1",
            "realm": f"oci:{host}/guarded/m{number}:1",
            "ollama": f"ollama:liar/m{number}:1",
            "https": f"{self.url}/files/m{number}.bin#sha256={SHA256}",
            "manifest": "",
        }[protocol]

    # -- answers

    def answer(self, head: str, connection: socket.socket) -> bool:
        """Answer one request; returns whether the connection is kept."""
        method, path, *_ = f"{head.splitlines()[0]} / /".split(" ")
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.splitlines()[1:])
        }
        role, answer = self._honest(path, fields)
        with self._lock:
            self.requests.append(f"{method} {path}")
            lie = self._lie
            lies_now = lie is not None and lie.role == role and self._left > 0
            is_cut = lies_now and method == "GET" and _waits_for_resume(lie, fields) and self._cuts > 0
            self._cuts -= is_cut
            lies_now = lies_now and not is_cut
            self._left -= lies_now
        if is_cut:
            self._send(connection, _wire(answer, len(answer.body)) + answer.body[: len(answer.body) // 2])
            return False
        if lie is None or not lies_now:
            body = b"" if method == "HEAD" else answer.body
            self._send(connection, _wire(answer, len(answer.body)) + body)
            return True
        return self._send_lie(lie, answer, method, connection)

    def _honest(self, path: str, fields: dict[str, str]) -> tuple[Role, _Answer]:
        parts = urlsplit(path).path
        if parts.startswith("/api/models/"):
            return "hub", _json(self.documents["hub"])
        if parts == "/token":
            return "token", _json(self.documents["token"])
        if parts == "/models.json":
            return "signed", _Answer(body=self._signed(self._models(self.version)))
        if parts.startswith("/v2/guarded/") and fields.get("authorization") != f"Bearer {TOKEN}":
            wanted = f'Bearer realm="{self.url}/token",service="liar",scope="pull"'
            role: Role = "image" if "/manifests/" in parts else "blob"
            return role, _Answer(b"HTTP/1.1 401 Who", [(b"WWW-Authenticate", wanted.encode())])
        if "/manifests/" in parts:
            return "image", _json(self.documents["image"], IMAGE_MANIFEST)
        content = CONFIG if parts.endswith(("config.json", _digest(CONFIG))) else WEIGHTS
        return "blob" if parts.startswith("/v2/") else "file", _file(content, fields.get("range", ""))

    def _send_lie(self, lie: Lie, answer: _Answer, method: str, connection: socket.socket) -> bool:
        names = {name.lower() for name, _ in answer.fields}
        length, body = len(answer.body), answer.body
        match lie.kind:
            case "start":
                answer.start = lie.value
            case "field" | "twice":
                assert isinstance(lie.name, bytes)
                if lie.name in STATUS_OF:
                    answer.start = b"HTTP/1.1 " + STATUS_OF[lie.name]
                if lie.kind == "field" and lie.name.lower() in names:
                    answer.fields = [one for one in answer.fields if one[0].lower() != lie.name.lower()]
                if lie.kind == "field" and lie.name in (b"Content-Length", b"Transfer-Encoding"):
                    length = -1
                answer.fields.append((lie.name, lie.value))
            case "json":
                assert isinstance(lie.name, tuple)
                body = self._changed(lie.role, lie.name, lie.value)
                length = len(body)
            case "body":
                return self._send_body(str(lie.name), answer, connection)
            case "framing":
                answer.fields.append((b"Transfer-Encoding", b"chunked"))
                self._send(connection, _wire(answer, -1) + lie.value)
                return False
            case "pace":
                return self._pace(str(lie.name), answer, connection)
        self._send(connection, _wire(answer, length) + (b"" if method == "HEAD" else body))
        return lie.kind == "json"

    def _changed(self, role: Role, place: tuple[str | int, ...], value: bytes) -> bytes:
        """The document of a role with another value; that of a manifest is signed as it is then."""
        if role != "signed":
            return with_value(self.documents[role], place, value)
        return self._signed(with_value(self._models(self.version), place, value))

    def _send_body(self, kind: str, answer: _Answer, connection: socket.socket) -> bool:
        body = answer.body
        changed = {
            "empty": b"",
            "short": body[: len(body) // 2],
            "long": body + b"more",
            "other": b"x" * len(body),
            "zeros": bytes(len(body)),
            "bom": b"\xef\xbb\xbf" + body,
            "twice": body * 2,
            "utf-16": body.decode("latin-1").encode("utf-16"),
            "html": b"<!DOCTYPE html><title>x</title>",
        }
        if kind == "endless":
            self._send(connection, _wire(answer, -1))
            self._flow(connection, b"x" * 65536)
        elif kind == "gzip bomb":
            answer.fields.append((b"Content-Encoding", b"gzip"))
            bomb = _bomb()
            self._send(connection, _wire(answer, len(bomb)) + bomb)
        else:
            promised = len(body) if kind == "short" else len(changed[kind])
            self._send(connection, _wire(answer, promised) + changed[kind])
        return False

    def _pace(self, kind: str, answer: _Answer, connection: socket.socket) -> bool:
        wire = _wire(answer, len(answer.body))
        if kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif kind == "head only":
            self._send(connection, wire)
        elif kind == "half a head":
            self._send(connection, wire[: len(wire) // 2])
        elif kind == "many interim":
            self._flow(connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, INTERIM_BYTES)
        elif kind == "many fields":
            self._send(connection, wire[:-2])
            self._flow(connection, b"X-More: y\r\n" * 1000)
        elif kind == "long field":
            self._send(connection, wire[:-2] + b"X-Long: ")
            self._flow(connection, b"x" * 65536)
        elif kind == "split head":
            for at in range(0, len(wire), 7):
                self._send(connection, wire[at : at + 7])
            self._send(connection, answer.body)
        return False

    def _flow(self, connection: socket.socket, piece: bytes, limit_bytes: int = ENDLESS_BYTES) -> None:
        """Send the same again and again, until the client has enough or this server has."""
        for _ in range(limit_bytes // len(piece)):
            self._send(connection, piece)

    def _send(self, connection: socket.socket, content: bytes) -> None:
        connection.sendall(content)
        self.sent_bytes += len(content)

    # -- honest documents

    def _hub(self) -> Any:
        return {
            "id": "liar/m",
            "sha": COMMIT,
            "pipeline_tag": "text-generation",
            "tags": ["license:mit"],
            "gated": False,
            "cardData": {
                "license": "mit",
                "license_name": "x",
                "license_link": "https://models.example/licence",
            },
            "siblings": [
                {
                    "rfilename": "model.bin",
                    "size": len(WEIGHTS),
                    "blobId": git_blob_id(WEIGHTS),
                    "lfs": {"sha256": SHA256, "size": len(WEIGHTS), "pointerSize": 134},
                },
                {"rfilename": "config.json", "size": len(CONFIG), "blobId": git_blob_id(CONFIG)},
            ],
        }

    def _image(self) -> Any:
        return {
            "schemaVersion": 2,
            "mediaType": IMAGE_MANIFEST,
            "config": {"mediaType": "application/json", "digest": f"sha256:{_digest(b'{}')}", "size": 2},
            "annotations": {"org.opencontainers.image.licenses": "MIT"},
            "layers": [
                {
                    "mediaType": "application/vnd.ollama.image.model",
                    "digest": f"sha256:{SHA256}",
                    "size": len(WEIGHTS),
                    "annotations": {"org.opencontainers.image.title": "model.gguf"},
                },
                {
                    "mediaType": "application/vnd.ollama.image.params",
                    "digest": f"sha256:{_digest(CONFIG)}",
                    "size": len(CONFIG),
                },
            ],
        }

    def _token(self) -> Any:
        return {"token": TOKEN, "access_token": TOKEN, "expires_in": 300, "issued_at": "2026-01-01T00:00:00Z"}

    def _models(self, version: int) -> Any:
        """A manifest of two models, good for a day: `signed-<version>`, and one that stays as it is."""
        envelope = json.loads(signed(version, now=time.time(), expires=86_400))
        manifest = envelope["manifest"]
        manifest["models"] = [
            {
                "id": model_id,
                "name": "Signed",
                "category": "llm",
                "licence": "MIT",
                "files": [
                    {
                        "path": "model.bin",
                        "size_bytes": len(WEIGHTS),
                        "sha256": SHA256,
                        "urls": [f"{self.url}/files/{model_id}.bin"],
                    }
                ],
            }
            for model_id in (f"signed-{version}", "signed-always")
        ]
        return manifest

    def _signed(self, manifest: Any) -> bytes:
        """The envelope of a manifest; bytes that are no JSON are signed all the same."""
        if not isinstance(manifest, bytes):
            return sign_manifest(json.dumps(manifest).encode(), [KEY])
        signature = base64.b64encode(KEY.sign(CONTEXT + manifest.strip())).decode()
        envelope = {"manifest": "@lie@", "signatures": [{"key_id": KEY_ID, "signature": signature}]}
        return json.dumps(envelope).encode().replace(b'"@lie@"', manifest, 1)


def _waits_for_resume(lie: Lie | None, fields: dict[str, str]) -> bool:
    """Whether a lie is about the rest of a file, and this request is one for the whole."""
    if lie is None or lie.kind != "field" or lie.role not in ("file", "blob"):
        return False
    return lie.name in ON_RESUME and "range" not in fields


def _json(document: Any, media_type: str = "application/json") -> _Answer:
    return _Answer(fields=[(b"Content-Type", media_type.encode())], body=json.dumps(document).encode())


def _file(content: bytes, wanted: str) -> _Answer:
    fields = [(b"ETag", b'"%s"' % _digest(content)[:16].encode()), (b"Accept-Ranges", b"bytes")]
    first, dash, last = wanted.removeprefix("bytes=").partition("-")
    if not dash or not first.isdecimal():
        return _Answer(fields=fields, body=content)
    start, end = int(first), min(int(last) if last else len(content) - 1, len(content) - 1)
    fields.append((b"Content-Range", b"bytes %d-%d/%d" % (start, end, len(content))))
    return _Answer(b"HTTP/1.1 206 Partial", fields, content[start : end + 1])


def _wire(answer: _Answer, length: int) -> bytes:
    fields = [*answer.fields, (b"Content-Length", b"%d" % length)] if length >= 0 else answer.fields
    lines = [answer.start, *(name + b": " + value for name, value in fields)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@functools.cache
def _bomb() -> bytes:
    """A hundred megabytes of zeros in a hundred kilobytes."""
    return gzip.compress(bytes(100_000_000), 1)
