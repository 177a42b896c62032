"""Those who cannot read runtime.json get nothing, over sockets or over loopback."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from actors.runtime.supervisor.host.broker_endpoints import choose_endpoints
from bus.discovery import read_runtime
from bus.errors import UnsafePlace
from tests.hostile.conftest import World
from tests.hostile.hostile_peer import LIMIT_SECONDS, hostile

ENDINGS = {
    zmq.Event.HANDSHAKE_SUCCEEDED,
    zmq.Event.DISCONNECTED,
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL,
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL,
    zmq.Event.HANDSHAKE_FAILED_AUTH,
}


def test_runtime_json_and_the_sockets_are_for_one_user_alone(world: World) -> None:
    file = world.home / "state" / "runtime.json"
    assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o600, os.getuid())
    for endpoint in (world.runtime["lane"], world.runtime["feed"]):
        directory = Path(endpoint.removeprefix("ipc://")).parent
        assert (directory.stat().st_mode & 0o777, directory.stat().st_uid) == (0o700, os.getuid())


def test_who_has_not_said_hello_gets_nothing(world: World) -> None:
    with world.stranger() as stranger:
        for verb, header, *body in (
            ("PUBLISH", [1, "app.x", 1, 1], b"\x91\x80"),
            ("SERVE", [["app.x"]]),
            ("REQUEST", [1, "supervision.status", 1000], b"\x80"),
            ("SNAPSHOT", [1, ["*"]]),
            ("REPLAY", [1, "config.settings_changed", 1, 1]),
        ):
            stranger.send(verb, header, *body)
            assert stranger.until("FAILED")[1][2].startswith("unknown_peer: ")


@pytest.fixture
def over_tcp(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path, "--transport", "tcp")
    yield found
    found.process.end()
    found.process.clean_up()


def test_over_loopback_nobody_gets_in_without_the_keys(over_tcp: World) -> None:
    keys = over_tcp.runtime["curve"]
    public, secret = (key.decode() for key in zmq.curve_keypair())
    strangers = {"client_public": public, "client_secret": secret}
    for curve in (None, {**keys, **strangers}):
        for kind, endpoint in ((zmq.DEALER, "lane"), (zmq.SUB, "feed")):
            assert not _is_let_in(over_tcp, curve, kind, endpoint)
    with over_tcp.peer() as guest:
        assert guest.ask("supervision.status")[0] == "REPLY"


def _is_let_in(world: World, curve: dict[str, str] | None, kind: int, endpoint: str) -> bool:
    """Whether a handshake succeeds, or the first message after it arrives."""
    with zmq.Context() as context, context.socket(kind) as socket:
        socket.linger = 0
        if curve is not None:
            socket.setsockopt(zmq.CURVE_SERVERKEY, curve["server_public"].encode())
            socket.setsockopt(zmq.CURVE_PUBLICKEY, curve["client_public"].encode())
            socket.setsockopt(zmq.CURVE_SECRETKEY, curve["client_secret"].encode())
        with contextlib.closing(socket.get_monitor_socket()) as monitor:
            socket.connect(world.runtime[endpoint])
            event = None
            while event not in ENDINGS and monitor.poll(int(LIMIT_SECONDS * 1000)):
                event = recv_monitor_message(monitor)["event"]
            socket.disable_monitor()
    assert event in ENDINGS, "the connection neither came about nor ended"
    return event == zmq.Event.HANDSHAKE_SUCCEEDED


def test_the_token_of_an_earlier_runtime_is_good_for_nothing(fresh: World) -> None:
    former = fresh.runtime
    with fresh.peer("tray", fresh.credential_of_tray()):
        stolen = fresh.credential_of_tray()
    assert fresh.process.end() == 0
    again = World(fresh.home.parent)
    try:
        assert again.runtime["token"] != former["token"]
        for name, credential in (("guest", former["token"]), ("tray", stolen)):
            with hostile(again.runtime) as peer:
                assert peer.hello(name, credential).startswith("wrong_token: ")
    finally:
        again.process.end()
        again.process.clean_up()


def test_a_guest_hears_everything_and_sees_no_credential(world: World) -> None:
    with world.peer() as guest:
        topics = {topic for topic, _, _ in guest.snapshot("*")}
        assert {"config.settings_changed", "readiness.changed", "supervision.actor_state_changed"} <= topics
        assert world.runtime["token"] not in repr(msgspec.to_builtins(guest.snapshot("*")))


def test_what_another_user_left_in_our_places_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    endpoints = choose_endpoints(state, "ipc")
    assert endpoints.lane.startswith("ipc://")
    file = state / "runtime.json"
    file.write_text("{}")
    owner = file.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(UnsafePlace, match="it belongs to user"):
        choose_endpoints(state, "ipc")
    with pytest.raises(UnsafePlace, match="it belongs to user"):
        read_runtime(file)
