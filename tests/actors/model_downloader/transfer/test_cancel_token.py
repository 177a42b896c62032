"""Aborting reaches a thread that waits for bytes, also where the socket comes only afterwards."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from actors.model_downloader.transfer.cancel_token import CancelToken, FetchCancelled


def test_thread_that_waits_for_bytes_is_woken() -> None:
    ours, theirs = socket.socketpair()
    token, found = CancelToken(), []
    token.watch(ours)
    reader = threading.Thread(target=lambda: found.append(ours.recv(1)))
    reader.start()
    token.cancel()
    reader.join(10)
    assert found == [b""]
    ours.close()
    theirs.close()


def test_socket_that_comes_after_the_abort_is_shut_at_once() -> None:
    ours, theirs = socket.socketpair()
    token = CancelToken()
    token.cancel()
    token.watch(ours)
    assert ours.recv(1) == b""
    with pytest.raises(FetchCancelled):
        token.check()
    ours.close()
    theirs.close()


def test_a_block_that_takes_too_long_ends_its_wait_and_the_next_one_does_not() -> None:
    ours, theirs = socket.socketpair()
    token = CancelToken()
    token.watch(ours)
    with token.within(60.0):
        token.expire(time.monotonic())
        assert not token.has_expired
        token.expire(time.monotonic() + 61.0)
        assert token.has_expired
        assert ours.recv(1) == b""
        assert not token.is_cancelled
    token.expire(time.monotonic() + 1000.0)
    with token.within(60.0):
        assert not token.has_expired
    ours.close()
    theirs.close()
