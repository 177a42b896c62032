"""A keychain that hangs costs its timeout once; what it answers late is not lost on the next call."""

from __future__ import annotations

import threading

import pytest

from actors.shared.keychain.keychain import KeychainFailed
from actors.shared.keychain.keychain_worker import KeychainWorker


class Slow:
    """A keychain that answers when it is let."""

    name = "slow"

    def __init__(self) -> None:
        self.let = threading.Event()
        self.asked = 0
        self.secrets: dict[str, str] = {}

    def get(self, account: str) -> str | None:
        self.asked += 1
        self.let.wait()
        return self.secrets.get(account)

    def put(self, account: str, secret: str) -> None:
        self.secrets[account] = secret

    def remove(self, account: str) -> None:
        raise KeychainFailed("keychain_locked", "locked")


def test_answers_and_failures_are_passed_on() -> None:
    chain = KeychainWorker(Slow(), 30.0)
    chain.put("a", "b")
    with pytest.raises(KeychainFailed, match="keychain_locked"):
        chain.remove("a")
    assert chain.name == "slow"


@pytest.mark.requirement("S3-19")
def test_hanging_call_times_out_and_the_next_ones_fail_at_once_without_asking_again() -> None:
    slow = Slow()
    chain = KeychainWorker(slow, 0.05)
    with pytest.raises(KeychainFailed, match="no answer within 0.05 s") as caught:
        chain.get("a")
    assert caught.value.reason == "timed_out"
    patient = KeychainWorker(slow, 3600.0)
    patient._hanging = chain._hanging
    for _ in range(3):
        with pytest.raises(KeychainFailed, match="earlier call"):
            patient.get("a")
    assert slow.asked == 1
    slow.let.set()
    assert chain._hanging is not None
    chain._hanging.result(30.0)
    assert patient.get("a") is None
    assert slow.asked == 2
