"""Picks the lines of a process's last output that show why it ended. Pure.

Other lines may hold what somebody said. They stay in memory (`undercroft logs`); only these lines go to disk,
with a crash record.
"""

from __future__ import annotations

import re
from typing import Final

TRACEBACK: Final = "Traceback (most recent call last):"
FATAL_HEADS: Final = ("Fatal Python error:", "Windows fatal exception:")
COMPLAINT_LINES: Final = 20
REFUSAL_LINES: Final = 12
LINE_LIMIT: Final = 1_000
OMITTED: Final = "[...]"

_GROUP_NOTE: Final = re.compile(r"\s*(?:\||\+-)")
_LINKS: Final = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_STACKS: Final = re.compile(
    r"(?:Current thread |Thread )0x[0-9a-f]+.*\(most recent call first\):"
    r"|<no Python frame>|Extension modules: |Stack \(most recent call first\):"
)
_FRAME: Final = re.compile(r"  File \".*\", line \d+ in |  \.\.\.$|  Garbage-collecting$")
_COMPLAINT: Final = re.compile(
    r"panicked at |GGML_ASSERT|Assertion [`'].*failed|assertion failed|terminate called |^\s*what\(\): "
    r"|std::bad_alloc|[Oo]ut of memory|CUDA error|Segmentation fault|cannot be run: |is killed: "
    r"|cannot open shared object file|No module named "
)


def exit_evidence(words: str, *, is_refusal: bool = False) -> str:
    """Keep the lines that show why a process ended, and mark where others were left out.

    Kept are tracebacks, stacks of the fault handler, and complaints of native code and of other runtimes.

    Args:
        words: the last output.
        is_refusal: the process ended with a sentence for a person, so its last lines are kept, too.
    """
    lines = [line[:LINE_LIMIT] for line in words.splitlines()]
    kept = _of_tracebacks(lines) | _of_stacks(lines)
    kept |= {
        at for at, line in enumerate(lines) if at >= len(lines) - COMPLAINT_LINES and _COMPLAINT.search(line)
    }
    if is_refusal:
        kept |= set(range(max(0, len(lines) - REFUSAL_LINES), len(lines)))
    found: list[str] = []
    for at, line in enumerate(lines):
        if at in kept:
            found.append(line)
        elif line.strip() and (not found or found[-1] != OMITTED):
            found.append(OMITTED)
    return "\n".join(found)


def _of_tracebacks(lines: list[str]) -> set[int]:
    """Each traceback from its head to the line with the exception. Groups of exceptions are indented."""
    kept: set[int] = set()
    inside = False
    for at, line in enumerate(lines):
        if TRACEBACK in line:
            inside = True
            kept.add(at)
        elif line in _LINKS:
            kept.add(at)
        elif inside:
            kept.add(at)
            inside = not line or line[0] in " \t" or _GROUP_NOTE.match(line) is not None
    return kept


def _of_stacks(lines: list[str]) -> set[int]:
    return {
        at
        for at, line in enumerate(lines)
        if line.startswith(FATAL_HEADS) or _STACKS.match(line) or _FRAME.match(line)
    }
