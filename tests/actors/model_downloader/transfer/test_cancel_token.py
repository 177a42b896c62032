"""Aborting reaches a thread that waits for bytes, also where the socket comes only afterwards."""

from __future__ import annotations

import socket
import threading

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
