"""Servers on this machine: a model hub, a registry with tokens, a web server, all also over TLS; a proxy."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import http.server
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

COMMIT = "5359861c739e955e79d9a303bcbc70fb988958b1"
IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Route = Callable[[Seen], Answer]


class Site:
    """A web server with routes by path; what was asked is kept.

    Attributes:
        requests: every request, in order.
        ranges: whether it honours Range on the bodies of its routes.
        token: if not empty, the Authorization header that it insists on.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, name: str = "127.0.0.1") -> None:
        self.routes: dict[str, Route] = {}
        self.requests: list[Seen] = []
        self.ranges = True
        self.refuses_head = False
        self.token = ""
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site._serve(self)

            do_HEAD = do_GET

            def log_message(self, *arguments: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that leaves is no fault of the test's

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{name}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def put(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        """Serve a body at a path; its URL."""
        answer = Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})
        self.routes[path] = lambda seen: answer
        return self.url + path

    def redirect(self, path: str, target: str, status: int = 302) -> str:
        return self.put(path, b"", status, Location=target)

    def asked(self, part: str) -> list[Seen]:
        """Requests whose path holds this."""
        return [seen for seen in self.requests if part in seen.path]

    def _serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        seen = Seen(
            handler.command, handler.path, {name.lower(): value for name, value in handler.headers.items()}
        )
        self.requests.append(seen)
        route = self.routes.get(handler.path) or self.routes.get(urlsplit(handler.path).path)
        answer = route(seen) if route else Answer(b"no such page", 404)
        if route and self.token and seen.authorization != self.token:
            answer = Answer(b"who are you?", 401)
        if seen.method == "HEAD" and self.refuses_head:
            answer = Answer(b"", 405)
        body, status, headers = answer.body, answer.status, dict(answer.headers)
        wanted = seen.headers.get("range", "")
        if status == 200 and self.ranges and wanted.startswith("bytes="):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = min(int(last) if last else len(body) - 1, len(body) - 1)
            headers["Content-Range"] = f"bytes {first}-{end}/{len(body)}"
            body, status = body[int(first) : end + 1], 206
        handler.send_response(status)
        headers.setdefault("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if seen.method != "HEAD":
            with contextlib.suppress(OSError):
                handler.wfile.write(body)


def git_blob_id(content: bytes) -> str:
    """What git calls a file: SHA-1 over a header and the content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def add_repository(
    site: Site,
    repository: str,
    files: dict[str, bytes],
    *,
    large: tuple[str, ...] = (),
    revision: str = "main",
    commit: str = COMMIT,
    **more: Any,
) -> None:
    """Make a site the hub of one repository: `large` files are in LFS, so the API knows their SHA-256."""
    siblings = []
    for path, content in files.items():
        about: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": git_blob_id(content)}
        if path in large:
            about["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 134}
        siblings.append(about)
        site.put(f"/{repository}/resolve/{commit}/{quote(path)}", content)
    body = json.dumps({"id": repository, "sha": commit, "siblings": siblings, **more}).encode()
    for name in {revision, commit}:
        site.put(f"/api/models/{repository}/revision/{quote(name, safe='')}", body)


def add_image(
    site: Site,
    name: str,
    tag: str,
    layers: list[tuple[str, bytes, dict[str, str]]],
    *,
    media_type: str = IMAGE_MANIFEST,
    realm: str = "",
) -> str:
    """Make a site the registry of one image of layers (media type, content, annotations).

    Returns the digest of its manifest. With a `realm` the registry gives nothing without a token that was
    fetched there: `lent-<scope>`.
    """
    described = []
    wanted = f"Bearer lent-repository:{name}:pull" if realm else ""

    def guarded(answer: Answer) -> Route:
        def route(seen: Seen) -> Answer:
            if wanted and seen.authorization != wanted:
                challenge = f'Bearer realm="{realm}",service="registry",scope="repository:{name}:pull"'
                return Answer(b"{}", 401, {"WWW-Authenticate": challenge})
            return answer

        return route

    for kind, content, notes in layers:
        digest = f"sha256:{sha256(content)}"
        described.append(
            {
                "mediaType": kind,
                "digest": digest,
                "size": len(content),
                **({"annotations": notes} if notes else {}),
            }
        )
        site.routes[f"/v2/{name}/blobs/{digest}"] = guarded(Answer(content))
    config = b'{"model_family":"probe"}'
    about = {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "digest": f"sha256:{sha256(config)}",
        "size": len(config),
    }
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": media_type, "config": about, "layers": described}
    ).encode()
    answer = guarded(Answer(manifest, 200, {"Content-Type": media_type}))
    site.routes[f"/v2/{name}/manifests/{tag}"] = answer
    site.routes[f"/v2/{name}/manifests/sha256:{sha256(manifest)}"] = answer
    return f"sha256:{sha256(manifest)}"


def add_realm(site: Site, path: str = "/token", wanted: str = "") -> str:
    """Let a site lend tokens; with `wanted`, only to whom sends this Authorization header."""

    def lend(seen: Seen) -> Answer:
        if wanted and seen.authorization != wanted:
            return Answer(b"{}", 401)
        scope = parse_qs(urlsplit(seen.path).query)["scope"][0]
        return Answer(json.dumps({"token": f"lent-{scope}", "expires_in": 300}).encode())

    site.routes[path] = lend
    return site.url + path


@contextlib.contextmanager
def running_site(tls: ssl.SSLContext | None = None, name: str = "127.0.0.1") -> Iterator[Site]:
    site = Site(tls, name)
    try:
        yield site
    finally:
        site.close()


class Proxy:
    """A forward proxy: CONNECT for https, absolute URLs for http; what it was asked for is kept.

    Attributes:
        lines: the request line of each connection.
        hosts: where a name leads; anything else is refused.
    """

    def __init__(self, hosts: dict[str, int]) -> None:
        self.lines: list[str] = []
        self.hosts = hosts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            line = head.split(b"\r\n", 1)[0].decode()
            self.lines.append(line)
            method, target, _ = line.split()
            name = target if method == "CONNECT" else urlsplit(target).netloc
            if name not in self.hosts:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self.hosts[name])) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    path = target.partition(name)[2] or "/"
                    server.sendall(head.replace(target.encode(), path.encode(), 1))
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def private_ca(directory: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """A private authority: its certificate as a PEM file, and the context of a server with these names.

    The server's certificate also names 127.0.0.1.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = datetime.datetime.now(datetime.UTC)
    span = (now - datetime.timedelta(days=1), now + datetime.timedelta(days=30))
    authority_key, server_key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Probe CA")])
    alternatives = [
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        *(x509.DNSName(name) for name in names),
    ]

    def begin(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(key.public_key())
        )
        return (
            builder.serial_number(x509.random_serial_number())
            .not_valid_before(span[0])
            .not_valid_after(span[1])
        )

    root = (
        begin(authority, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    leaf = (
        begin(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Probe server")]), server_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    authority_file, server_file = directory / "ca.pem", directory / "server.pem"
    authority_file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    private = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server_file.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file)
    return authority_file, context


def public_key_text(private: Any) -> str:
    """The public half of an Ed25519 key as a profile pins it: 32 bytes in base64."""
    return base64.b64encode(private.public_key().public_bytes_raw()).decode()
