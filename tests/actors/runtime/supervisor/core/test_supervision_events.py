"""How an end is put into words."""

from __future__ import annotations

import pytest

from actors.runtime.supervisor.core.supervision_events import ExitStatus


@pytest.mark.parametrize(
    ("returncode", "words", "clean"),
    [
        (0, "exit code 0", True),
        (3, "exit code 3", False),
        (-9, "killed by SIGKILL", False),
        (-250, "killed by signal 250", False),
    ],
)
def test_an_end_is_told_by_code_or_by_the_name_of_the_signal(
    returncode: int, words: str, clean: bool
) -> None:
    status = ExitStatus.from_returncode(returncode)
    assert str(status) == words
    assert status.is_clean is clean
