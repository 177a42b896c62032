"""Letters stay apart, and each reads as what it was."""

from __future__ import annotations

import sys

import msgspec
import pytest

from actors.runtime.supervisor.processes.fork_letters import (
    ExitedLetter,
    FailedLetter,
    ForkedLetter,
    FromServer,
    KilledLetter,
    StartedLetter,
    letter_socket_pair,
)


@pytest.mark.skipif(sys.platform != "linux", reason="only the fork server uses them")
def test_letters_that_are_sent_at_once_are_received_one_by_one() -> None:
    letters: list[FromServer] = [
        ForkedLetter(ticket=1, pid=2),
        StartedLetter(ticket=1, pid=2),
        FailedLetter(ticket=3, reason="no", cannot_run=True),
        ExitedLetter(pid=2, returncode=-9),
        KilledLetter(pid=2),
    ]
    ours, theirs = letter_socket_pair()
    with ours, theirs:
        for letter in letters:
            theirs.send(msgspec.json.encode(letter))
        found = [msgspec.json.decode(ours.recv(4096), type=FromServer) for _ in letters]
    assert found == letters
