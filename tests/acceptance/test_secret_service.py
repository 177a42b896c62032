"""A real Secret Service: gnome-keyring on a message bus of its own, locked, lost, changed and hanging."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.shared.crypto.envelope import open_envelope, seal
from actors.shared.durable.durable_write import replace_file
from actors.shared.keys.key_ring import KeyRing, open_ring
from actors.shared.keys.key_rules import Locked, Unlocked

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("gnome-keyring-daemon") is None or shutil.which("dbus-daemon") is None,
        reason="needs gnome-keyring and dbus-daemon",
    ),
]
PASSWORD = "correct horse"  # noqa: S105  # of a keychain that exists only during the test
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""


class Desktop:
    """A message bus with a keyring daemon and nothing else, so that no window can open."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.address = f"unix:path={directory / 'bus'}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "LANG")},
            "HOME": str(directory),
            "XDG_RUNTIME_DIR": str(directory),
            "XDG_DATA_HOME": str(directory / "data"),
            "DBUS_SESSION_BUS_ADDRESS": self.address,
        }
        (directory / "bus.conf").write_text(CONFIG.format(path=directory / "bus"))
        self.bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={directory / 'bus.conf'}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            env=self.environment,
        )
        assert self.bus.stdout is not None
        assert self.bus.stdout.readline()
        self.daemon: subprocess.Popen[bytes] | None = None

    def start_daemon(self) -> None:
        """Start the keyring, open it with its password, and wait until it is on the bus."""
        self.daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
        )
        assert self.daemon.stdin is not None
        self.daemon.stdin.write(PASSWORD.encode())
        self.daemon.stdin.close()
        self._wait_for_name()

    def kill_daemon(self) -> None:
        """Kill the keyring."""
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
            self.daemon = None

    def lock(self) -> None:
        """Lock the collection, as a screen saver may."""
        import secretstorage

        with contextlib.closing(secretstorage.dbus_init()) as connection:
            secretstorage.get_collection_by_alias(connection, "default").lock()

    def entries(self) -> list[object]:
        """What the keyring holds."""
        import secretstorage

        with contextlib.closing(secretstorage.dbus_init()) as connection:
            return [
                item.get_attributes()["username"]
                for item in secretstorage.get_collection_by_alias(connection, "default").get_all_items()
            ]

    def change_entry(self, secret: str) -> None:
        """Overwrite our entry."""
        import secretstorage

        with contextlib.closing(secretstorage.dbus_init()) as connection:
            for item in secretstorage.get_collection_by_alias(connection, "default").get_all_items():
                item.set_secret(secret.encode())

    def stop(self) -> None:
        """End both."""
        self.kill_daemon()
        self.bus.kill()
        self.bus.wait()
        assert self.bus.stdout is not None
        self.bus.stdout.close()

    def _wait_for_name(self) -> None:
        """Wait for the keyring's name on the bus. The match is installed before the question is asked."""
        from jeepney import MatchRule, message_bus  # type: ignore[import-untyped]  # has no types
        from jeepney.io.blocking import Proxy, open_dbus_connection  # type: ignore[import-untyped]

        with contextlib.closing(open_dbus_connection(self.address)) as connection:
            proxy = Proxy(message_bus, connection, timeout=20)
            rule = MatchRule(type="signal", interface="org.freedesktop.DBus", member="NameOwnerChanged")
            rule.add_arg_condition(0, "org.freedesktop.secrets")
            proxy.AddMatch(rule)
            with connection.filter(rule) as signals:
                if not proxy.NameHasOwner("org.freedesktop.secrets")[0]:
                    connection.recv_until_filtered(signals, timeout=20)


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    """A desktop with a running, unlocked keyring."""
    directory = (
        Path("/tmp") / f"undercroft-bus-{os.getpid()}" if len(str(tmp_path)) > 80 else tmp_path / "desktop"
    )
    directory.mkdir(mode=0o700)
    desktop = Desktop(directory)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.address)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(directory / "config"))
    monkeypatch.delenv("UNDERCROFT_KEYCHAIN", raising=False)
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    try:
        desktop.start_daemon()
        yield desktop
    finally:
        desktop.stop()
        shutil.rmtree(directory)


def ring_in(tmp_path: Path, timeout_seconds: float = 20.0) -> KeyRing:
    """The keys of a home, as a process sees them."""
    return open_ring(tmp_path / "state", timeout_seconds=timeout_seconds)


def save(ring: KeyRing, tmp_path: Path) -> bytes:
    """Encrypt a document into the home."""
    content = seal({"a": 1}, schema="s", schema_version=1, revision=1, now=1.0, key=ring.current(), name="a")
    replace_file(tmp_path / "state" / "a", content)
    return content


def reason(ring: KeyRing) -> str:
    """Why the keys are locked, even when new ones may be made."""
    state = ring.unlock(make=True)
    assert isinstance(state, Locked), state
    return state.reason


@pytest.mark.requirement("S3-19", "S3-23")
def test_keys_live_in_the_keyring_and_outlive_its_restart_and_their_rotation(
    desktop: Desktop, tmp_path: Path
) -> None:
    ring = ring_in(tmp_path)
    assert isinstance(ring.unlock(make=True), Unlocked)
    content = save(ring, tmp_path)
    assert ring.report().keychain == "keyring.backends.SecretService.Keyring"
    assert len(desktop.entries()) == 1
    ring.rotate_key_encryption_key()
    assert [str(entry).partition("/")[2] for entry in desktop.entries()] == [ring.report().key_encryption_key]
    desktop.kill_daemon()
    desktop.start_daemon()
    again = ring_in(tmp_path)
    assert isinstance(again.unlock(), Unlocked)
    assert open_envelope(content, again.data_key).value == {"a": 1}


@pytest.mark.requirement("S3-19")
def test_locked_keyring_locks_without_a_prompt_and_nothing_is_overwritten(
    desktop: Desktop, tmp_path: Path
) -> None:
    ring = ring_in(tmp_path)
    ring.unlock(make=True)
    content = save(ring, tmp_path)
    before = (tmp_path / "state" / "keys" / "keys.json").read_bytes()
    desktop.lock()
    assert reason(ring_in(tmp_path)) == "keychain_locked"
    assert isinstance(ring.unlock(), Unlocked)
    assert open_envelope(content, ring.data_key).value == {"a": 1}
    assert (tmp_path / "state" / "keys" / "keys.json").read_bytes() == before


@pytest.mark.requirement("S3-19")
def test_prompt_that_nobody_answers_leaves_the_keys_locked(desktop: Desktop, tmp_path: Path) -> None:
    ring_in(tmp_path).unlock(make=True)
    desktop.lock()
    asking = open_ring(tmp_path / "state", interactive=True, timeout_seconds=3.0)
    assert reason(asking) in ("keychain_locked", "timed_out")


@pytest.mark.requirement("S3-19")
def test_keyring_that_died_locks_and_is_found_again_by_the_same_process(
    desktop: Desktop, tmp_path: Path
) -> None:
    ring_in(tmp_path).unlock(make=True)
    desktop.kill_daemon()
    waiting = ring_in(tmp_path)
    assert reason(waiting) == "no_keychain"
    desktop.start_daemon()
    assert isinstance(waiting.unlock(), Unlocked)


@pytest.mark.requirement("S3-19")
def test_keyring_that_hangs_costs_its_timeout_and_is_asked_again_once_it_answers(
    desktop: Desktop, tmp_path: Path
) -> None:
    ring_in(tmp_path).unlock(make=True)
    assert desktop.daemon is not None
    desktop.daemon.send_signal(signal.SIGSTOP)
    waiting = ring_in(tmp_path, timeout_seconds=0.2)
    assert reason(waiting) == "timed_out"
    assert reason(waiting) == "timed_out"
    desktop.daemon.send_signal(signal.SIGCONT)
    hanging = waiting._store.keychain._hanging  # type: ignore[attr-defined]  # the call that is still under way
    hanging.exception(20.0)
    waiting._store.keychain._timeout_seconds = 20.0  # type: ignore[attr-defined]  # from here on it answers
    assert isinstance(waiting.unlock(), Unlocked)


@pytest.mark.requirement("S3-19")
def test_changed_and_lost_entries_lock_and_the_recovery_code_puts_the_key_back(
    desktop: Desktop, tmp_path: Path
) -> None:
    ring = ring_in(tmp_path)
    ring.unlock(make=True)
    content, code = save(ring, tmp_path), ring.make_recovery_code()
    desktop.change_entry("something else")
    assert reason(ring_in(tmp_path)) == "wrong_key"
    desktop.kill_daemon()
    shutil.rmtree(desktop.directory / "data")
    desktop.start_daemon()
    lost = ring_in(tmp_path)
    assert reason(lost) == "entry_missing"
    lost.restore(code)
    again = ring_in(tmp_path)
    assert isinstance(again.unlock(), Unlocked)
    assert open_envelope(content, again.data_key).value == {"a": 1}
