"""Each question of the supervisor has an answer, unless the peer that it is about hangs."""

from __future__ import annotations

from bus.broker.membership.liveness_pings import ASKED_AT_MOST, LivenessPing, LivenessPings

FIRST = LivenessPing(peer="tray", number=1)
SECOND = LivenessPing(peer="tray", number=2)


def test_the_pong_to_the_newest_ping_is_the_answer() -> None:
    pings = LivenessPings()
    former = pings.ask(FIRST, is_connected=True)
    newest = pings.ask(SECOND, is_connected=True)
    for peer, id in (("tray", former), ("other", newest), ("tray", 0)):
        pings.pong(peer, id)
    assert not pings.take_answered()
    pings.pong("tray", newest)
    pings.pong("tray", newest)
    assert pings.take_answered() == [SECOND]
    assert not pings.take_answered()


def test_who_is_not_there_does_not_hang() -> None:
    pings = LivenessPings()
    assert pings.ask(FIRST, is_connected=False) == 0
    assert pings.take_answered() == [FIRST]
    pings.ask(SECOND, is_connected=True)
    pings.left("tray")
    pings.left("tray")
    assert pings.take_answered() == [SECOND]


def test_what_waits_is_bounded() -> None:
    pings = LivenessPings()
    for number in range(ASKED_AT_MOST + 3):
        pings.ask(LivenessPing(peer=f"peer-{number}", number=1), is_connected=True)
    assert len(pings._asked) <= ASKED_AT_MOST
