"""Says how a server lies: about every line, header, field and byte of its answers. Pure.

The answer to a path is the same each time for the same seed, so that a case can be repeated.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
from typing import Any, Final

BODY: Final = bytes(range(256)) * 64
DIGEST: Final = hashlib.sha256(BODY).hexdigest()
TRUE_PATH: Final = "/true/"
"""What is asked below this path is answered as it should be."""

ODD_NUMBERS: Final = (
    "-1",
    "0",
    "1e9",
    "9" * 5000,
    str(2**63),
    str(2**64),
    "0x10",
    "",
    " ",
    "1, 2",
    "NaN",
    "１",
)
ODD_TEXTS: Final = (
    "",
    "\x1b]0;x\x07",
    "a" * 70_000,
    "../../etc",
    "\u202e",
    "\u2028",
    "%00",
    '"',
    "=1+1",
    "\\",
    "ü" * 300,
)
ODD_JSON: Final = (
    None,
    True,
    -1,
    0,
    2**53 + 1,
    2**64,
    1e308,
    "",
    "x" * 100_000,
    "../x",
    "\x1b[2J",
    [],
    {},
    [[]],
    {"x": {}},
)
STATUS_LINES: Final = (
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 \x1b]0;owned\x07\x1b[2J",
    "HTTP/1.1 200 " + "x" * 70_000,
    "HTTP/1.1 999 what",
    "HTTP/1.1 -1 what",
    "HTTP/1.1 000 what",
    "HTTP/9.9 200 OK",
    "ICY 200 OK",
    "200",
    "",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 206 Partial Content",
    "HTTP/1.1 304 Not Modified",
    "HTTP/1.1 401 Unauthorized",
    "HTTP/1.1 416 Range",
    "HTTP/1.1 429 Slow",
    "HTTP/1.1 503 Away",
    "HTTP/1.1 100 Continue",
)
LOCATIONS: Final = (
    "http://127.0.0.1:99999999/x",
    "http://127.0.0.1:0/x",
    "http://[::1/x",
    "http:///x",
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "//",
    "",
    "/lie/again",
    "http://127.0.0.1:{port}/lie/again",
    "http://user:secret@127.0.0.1:{port}/lie/other",
    "x" * 70_000,
    "http://127.0.0.1:{port}/\x1b[2J",
    "http://\x00/",
    "http://" + "a." * 5000 + "/",
)
CHALLENGES: Final = (
    "",
    "Bearer",
    "Bearer realm=",
    'Bearer realm="http://127.0.0.1:{port}/lie/token",service="x",scope="y"',
    'Bearer realm="file:///etc/passwd"',
    'Bearer realm="http://127.0.0.1:99999999/"',
    "Bearer " + 'a="b",' * 5000,
    "Basic " + "x" * 70_000,
    "\x1b[2J",
)
HEADERS: Final = (
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Content-Encoding",
    "Transfer-Encoding",
    "Location",
    "WWW-Authenticate",
    "ETag",
    "Last-Modified",
    "Retry-After",
    "Accept-Ranges",
    "X-Linked-Size",
    "X-Linked-ETag",
    "X-Repo-Commit",
    "Docker-Content-Digest",
    "Set-Cookie",
    "Date",
)


def answer(seed: int, path: str, port: int) -> bytes:
    """All bytes of the answer to a request.

    Args:
        seed: of the run.
        path: that was asked for.
        port: of the server itself.
    """
    if path.startswith(TRUE_PATH):
        return _whole("HTTP/1.1 200 OK", {}, BODY)
    chance = random.Random(f"{seed}{path}")
    status = "HTTP/1.1 200 OK" if chance.random() < 0.6 else chance.choice(STATUS_LINES)
    body = _body(chance, path)
    headers = {"Content-Type": "application/json", "ETag": f'"{DIGEST}"'}
    for _ in range(chance.choice((0, 0, 1, 1, 2, 5))):
        name = chance.choice(HEADERS)
        headers[name] = _header(chance, name, port)
    if chance.random() < 0.12:
        status, headers["Location"] = "HTTP/1.1 302 Found", _header(chance, "Location", port)
    if chance.random() < 0.08:
        status, headers["WWW-Authenticate"] = "HTTP/1.1 401 No", _header(chance, "WWW-Authenticate", port)
    whole = _whole(status, headers, body)
    match chance.randrange(12):
        case 0:
            return whole[: chance.randrange(len(whole))]
        case 1:
            place = chance.randrange(min(len(whole), 400))
            return whole[:place] + bytes((chance.randrange(256),)) + whole[place + 1 :]
        case 2:
            return chance.randbytes(200)
        case _:
            return whole


def _whole(status: str, headers: dict[str, str], body: bytes) -> bytes:
    given = {"Content-Length": str(len(body)), "Connection": "close", **headers}
    lines = [status, *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body


def _header(chance: random.Random, name: str, port: int) -> str:
    text: str
    match name:
        case "Location":
            text = chance.choice(LOCATIONS)
        case "WWW-Authenticate":
            text = chance.choice(CHALLENGES)
        case "Content-Range":
            first, last, size = chance.choices(ODD_NUMBERS, k=3)
            text = f"bytes {first}-{last}/{size}"
        case "Content-Encoding":
            text = chance.choice(("gzip", "zstd", "br", "deflate", "identity", "x" * 100))
        case "Transfer-Encoding":
            text = chance.choice(("chunked", "gzip, chunked", "identity", "chunked, chunked"))
        case _:
            text = chance.choice((*ODD_NUMBERS, *ODD_TEXTS))
    return text.replace("{port}", str(port))


def _body(chance: random.Random, path: str) -> bytes:
    if "/api/models/" in path:
        return _lying_json(chance, _hub_repository())
    if "/manifests/" in path:
        return _lying_json(chance, _image())
    if "token" in path:
        return _lying_json(chance, {"token": "lent", "expires_in": 300})
    return chance.choice((BODY, BODY, BODY[:-1], BODY + b"x", b"", b"\x1f\x8b" + BODY, BODY[::-1]))


def _hub_repository() -> dict[str, Any]:
    files = [
        {
            "rfilename": "voice.bin",
            "size": len(BODY),
            "blobId": "a" * 40,
            "lfs": {"sha256": DIGEST, "size": len(BODY)},
        },
        {"rfilename": "config.json", "size": 2, "blobId": "b" * 40},
    ]
    return {
        "id": "org/voice",
        "sha": "c" * 40,
        "pipeline_tag": "text-to-speech",
        "gated": False,
        "cardData": {"license": "mit"},
        "siblings": files,
    }


def _image() -> dict[str, Any]:
    layer = {
        "mediaType": "application/vnd.ollama.image.model",
        "digest": f"sha256:{DIGEST}",
        "size": len(BODY),
    }
    config = {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "digest": f"sha256:{DIGEST}",
        "size": 2,
    }
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": config,
        "layers": [layer],
    }


def _lying_json(chance: random.Random, document: Any) -> bytes:
    """A document of which some fields lie."""
    for _ in range(chance.choice((0, 1, 1, 1, 2, 4))):
        inner = document
        while True:
            keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
            if not keys:
                break
            key = chance.choice(keys)
            if isinstance(inner[key], dict | list) and inner[key] and chance.random() < 0.7:
                inner = inner[key]
                continue
            inner[key] = copy.deepcopy(chance.choice(ODD_JSON))
            break
    text = json.dumps(document)
    if chance.random() < 0.1:
        text = text.replace(str(len(BODY)), chance.choice(("1e999", "-1", "9" * 5000, "NaN", "16384.5")))
    if chance.random() < 0.03:
        text = "[" * 100_000
    return text.encode()
