"""Kinds of crashes are told apart by the supervisor's own reason, the signal, and the last output."""

from __future__ import annotations

import pytest

from actors.runtime.supervisor.core.crash_kind import crash_kind
from actors.runtime.supervisor.core.supervision_events import RecordCrash
from schemas.operations.crashes import CrashKind
from tests.support.crashes import crash

TRACEBACK = 'Traceback (most recent call last):\n  File "store.py", line 3, in run\nValueError: no'


@pytest.mark.parametrize(
    ("end", "own_words", "oom_kills", "kind"),
    [
        (crash(1), TRACEBACK, None, "exception"),
        (crash(1), "config.json: cannot be read; make it readable", None, "refused"),
        (crash(1), "", None, "exit"),
        (crash(0), "", None, "exit"),
        (crash(3), TRACEBACK, None, "exception"),
        (crash(3), "bye", None, "exit"),
        (crash(number=11), "Fatal Python error: Segmentation fault", None, "fatal_signal"),
        (crash(number=6), "", 5, "fatal_signal"),
        (crash(0xC0000005), "", None, "fatal_signal"),
        (crash(1), "Fatal Python error: _PyMem_DebugMalloc", None, "fatal_signal"),
        (crash(number=9), "", 1, "out_of_memory"),
        (crash(number=9), "", 0, "killed"),
        (crash(number=9), "", None, "killed"),
        (crash(number=15), "", 1, "killed"),
        (crash(number=9, kill_reason="hang"), TRACEBACK, 1, "hang"),
        (crash(0, kill_reason="memory_limit"), "", None, "memory_limit"),
        (crash(number=9, kill_reason="start_timeout"), "", None, "start_timeout"),
        (crash(status=None), "", None, "not_started"),
        (crash(1, is_actor=False), "usage: x", None, "exit"),
    ],
)
def test_kinds_are_told_apart(
    end: RecordCrash, own_words: str, oom_kills: int | None, kind: CrashKind
) -> None:
    assert crash_kind(end, own_words, oom_kills) == kind
