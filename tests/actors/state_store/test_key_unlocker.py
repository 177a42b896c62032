"""The keychain is asked when keys are wanted, and left in peace for a while after it said no."""

from __future__ import annotations

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.envelope import KeyUnavailable
from actors.state_store.key_unlocker import PAUSE_SECONDS, Locksmith


class Ring:
    def __init__(self) -> None:
        self.asked = 0
        self.is_locked = True

    def unlock(self, *, make: bool = False) -> None:
        assert make
        self.asked += 1

    def current(self) -> DataKey:
        return self.data_key("k1")

    def data_key(self, key_id: str) -> DataKey:
        if self.is_locked:
            raise KeyUnavailable(key_id, "the keychain wants a password")
        return DataKey(key_id, bytes(32))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_a_no_the_keychain_is_not_asked_for_a_while() -> None:
    ring, clock = Ring(), Clock()
    smith = Locksmith(ring, clock)
    assert not smith.unlock()
    assert not smith.unlock()
    assert ring.asked == 1
    clock.now += PAUSE_SECONDS
    ring.is_locked = False
    assert smith.unlock()
    assert smith.unlock()
    assert ring.asked == 3
