"""Leases: who holds what, until when, and how they end by themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_downloader.registry.lease_book import ABSENCE_SECONDS, LEASES_NAME, LeaseBook, LeaseFile
from schemas.leases import ModelLeaseRequestEvent


def ask(
    model_id: str = "m", holder: str = "engine", *, instance: str = "", ttl: float = 60.0, lease_id: str = ""
) -> ModelLeaseRequestEvent:
    return ModelLeaseRequestEvent(
        model_id=model_id, holder=holder, instance=instance, ttl_seconds=ttl, lease_id=lease_id
    )


def test_model_is_held_by_all_who_leased_it_and_by_no_other() -> None:
    book = LeaseBook()
    book.grant(ask(holder="engine"), "v1", "1", 0.0)
    book.grant(ask(holder="viewer"), "v1", "2", 1.0)
    book.grant(ask(holder="engine"), "v1", "3", 2.0)
    book.grant(ask("other", holder="someone"), "v1", "4", 3.0)
    assert book.holders("m") == ["engine", "viewer"]
    assert book.holders("nothing") == []


def test_lease_ends_when_it_is_released_and_another_model_cannot_release_it() -> None:
    book = LeaseBook()
    book.grant(ask(), "v1", "1", 0.0)
    assert not book.release("other", "1")
    assert book.holders("m") == ["engine"]
    assert book.release("m", "1")
    assert not book.release("m", "1")
    assert book.holders("m") == []


def test_lease_ends_with_its_time_unless_it_is_renewed() -> None:
    book = LeaseBook()
    first = book.grant(ask(ttl=10), "v1", "1", 100.0)
    assert (first.until, book.next_end()) == (110.0, 110.0)
    renewed = book.grant(ask(ttl=10, lease_id="1"), "v1", "unused", 105.0)
    assert (renewed.lease_id, renewed.since, renewed.until) == ("1", 100.0, 115.0)
    assert book.expire(114.9) == []
    assert book.expire(115.0) == [renewed]
    assert book.next_end() is None
    late = book.grant(ask(ttl=10, lease_id="1"), "v2", "2", 120.0)
    assert (late.lease_id, late.revision) == ("2", "v2")


def test_lease_of_another_model_is_not_renewed_but_a_new_one_is_given() -> None:
    book = LeaseBook()
    book.grant(ask("other"), "v1", "1", 0.0)
    assert book.grant(ask("m", lease_id="1"), "v1", "2", 0.0).lease_id == "2"
    assert book.holders("other") == ["engine"]


def test_lease_of_a_peer_ends_with_its_farewell() -> None:
    book = LeaseBook()
    book.grant(ask(instance="i"), "v1", "1", 0.0)
    assert book.expire(1e12) == []
    assert book.peer_left("other", said_bye=True, now=1.0) == []
    assert [lease.lease_id for lease in book.peer_left("i", said_bye=True, now=1.0)] == ["1"]


def test_peer_that_lost_its_connection_may_be_back_in_time() -> None:
    book = LeaseBook()
    book.grant(ask(instance="i"), "v1", "1", 0.0)
    book.grant(ask(holder="timed"), "v1", "2", 0.0)
    assert book.peer_left("i", said_bye=False, now=1.0) == []
    assert book.peers_seen({"i"}, now=5.0) == []
    assert book.peer_left("i", said_bye=False, now=6.0) == []
    assert book.peers_seen(set(), now=5.9 + ABSENCE_SECONDS) == []
    assert [lease.lease_id for lease in book.peers_seen(set(), now=6.0 + ABSENCE_SECONDS)] == ["1"]
    assert book.holders("m") == ["timed"]


def test_peer_that_left_while_nobody_looked_is_missed_from_the_first_look_on() -> None:
    book = LeaseBook()
    book.grant(ask(instance="i"), "v1", "1", 0.0)
    restarted = LeaseBook(book.all())
    assert restarted.peers_seen(set(), now=1000.0) == []
    assert len(restarted.peers_seen(set(), now=1000.0 + ABSENCE_SECONDS)) == 1


def test_leases_survive_and_without_any_there_is_no_file(tmp_path: Path) -> None:
    book = LeaseBook()
    book.grant(ask(), "v1", "1", 0.0)
    file = LeaseFile(tmp_path)
    file.write(book.all())
    assert file.read() == book.all()
    file.write([])
    assert os.listdir(tmp_path) == []
    assert file.read() == []


@pytest.mark.parametrize("content", [b"", b"{", b'[{"lease_id": 1}]', b"\xff"])
def test_leases_that_cannot_be_read_are_put_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LEASES_NAME).write_bytes(content)
    assert LeaseFile(tmp_path).read() == []
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [content]
    assert not (tmp_path / LEASES_NAME).exists()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["grant", "release", "expire", "left", "seen"]), st.integers(0, 3), st.booleans()
        ),
        max_size=30,
    )
)
def test_whatever_happens_every_lease_ends_in_the_end(steps: list[tuple[str, int, bool]]) -> None:
    book = LeaseBook()
    for now, (step, number, flag) in enumerate(steps):
        match step:
            case "grant":
                book.grant(ask(instance=str(number) if flag else "", ttl=5), "v", f"{now}", float(now))
            case "release":
                book.release("m", str(number))
            case "expire":
                book.expire(float(now))
            case "left":
                book.peer_left(str(number), flag, float(now))
            case _:
                book.peers_seen({str(number)}, float(now))
    book.expire(1000.0)
    book.peers_seen(set(), 1000.0)
    book.peers_seen(set(), 1000.0 + ABSENCE_SECONDS)
    assert book.all() == []
    assert book.next_end() is None
