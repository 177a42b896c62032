"""A page in a browser reaches loopback ports; what it can send gets it in nowhere and shows it nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.hostile.conftest import World

LIMIT_SECONDS = 30.0
GREETING_BYTES = 64
"""What the broker says to everybody: version and mechanism of ZMTP (RFC 23)."""

GET = "GET / HTTP/1.1\r\nHost: rebound.example:{port}\r\nOrigin: https://evil.example\r\n\r\n"
POST = (
    "POST /supervision.stop HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/plain\r\n"
    "Content-Length: 120\r\n\r\n"
)
PREFLIGHT = (
    "OPTIONS / HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: https://evil.example\r\n"
    "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Private-Network: true\r\n\r\n"
)
WEBSOCKET = (
    "GET /bus HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: ZWS2.0/CURVE, ZWS2.0/NULL, ZWS2.0\r\nOrigin: https://evil.example\r\n\r\n"
)
ZMTP_BODY = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL" + bytes(48) + b"\x04\x26\x05READY"
TLS_HELLO = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(193)

REQUESTS = {
    "a request": GET.encode(),
    "a form with a greeting of ZMTP in it": POST.encode() + ZMTP_BODY,
    "a preflight": PREFLIGHT.encode(),
    "a websocket": WEBSOCKET.encode(),
    "https": TLS_HELLO,
    "a request without an end": b"GET /" + b"a" * 100_000,
}


@pytest.fixture(scope="module")
def on_ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    found = World(tmp_path_factory.mktemp("page"), "--transport", "tcp")
    yield found
    assert found.process.end() == 0
    found.process.clean_up()


@pytest.mark.parametrize("endpoint", ["lane", "feed"])
@pytest.mark.parametrize("said", list(REQUESTS))
def test_a_page_gets_no_answer_of_a_loopback_port_and_has_no_effect(
    on_ports: World, endpoint: str, said: str
) -> None:
    port = int(on_ports.runtime[endpoint].rpartition(":")[2])
    answer = _answer(port, REQUESTS[said].replace(b"{port}", str(port).encode()))
    assert len(answer) <= GREETING_BYTES
    assert b"HTTP/" not in answer
    assert answer == b"" or answer.startswith(b"\xff"), "no browser takes this for an answer"
    secrets = [on_ports.runtime["token"], *on_ports.runtime["curve"].values()]
    assert not any(secret.encode() in answer for secret in secrets)
    assert {actor["state"] for actor in on_ports.actors().values()} == {"ready"}


def _answer(port: int, content: bytes) -> bytes:
    """All that comes back until the broker ends the connection."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_SECONDS) as connection:
        try:
            connection.sendall(content)
            while piece := connection.recv(65_536):
                found += piece
        except ConnectionError:
            pass  # it ended the connection while we were sending
    return found


def test_ports_are_open_on_the_loopback_alone(on_ports: World) -> None:
    for endpoint in ("lane", "feed"):
        assert on_ports.runtime[endpoint].startswith("tcp://127.0.0.1:")


def test_without_a_choice_of_ports_there_is_none_that_a_page_could_reach(world: World) -> None:
    assert {world.runtime[endpoint].split("://")[0] for endpoint in ("lane", "feed")} == {"ipc"}
