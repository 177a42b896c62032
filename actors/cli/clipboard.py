"""Puts text on the clipboard with the program that the desktop has for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Final

from bus.errors import OperatorError

TIMEOUT_SECONDS: Final = 5.0


class NoClipboard(OperatorError):
    """No program takes text for the clipboard, or it failed.

    Attributes:
        detail: what was looked for, or how the program failed.
    """

    detail: str
    words = "nothing was copied: {detail}; write the report to a file instead, with --output"


def copy(
    text: str, environ: Mapping[str, str] = os.environ, which: Callable[[str], str | None] = shutil.which
) -> None:
    """Put text on the clipboard. The program reads it from stdin, never from its command line.

    Raises:
        NoClipboard: there is no such program, or it failed.
    """
    command = command_of(environ, which)
    if command is None:
        raise NoClipboard("there is no wl-copy, xclip, xsel, pbcopy or clip here, or no desktop")
    try:
        encoding = "utf-16-le" if command[0].endswith("clip.exe") else "utf-8"
        # Its output is not captured: xclip stays in the background and would hold the pipe open.
        done = subprocess.run(
            command,
            input=text.encode(encoding),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoClipboard(f"{command[0]} failed ({type(error).__name__})") from error
    if done.returncode:
        raise NoClipboard(f"{command[0]} ended with exit code {done.returncode}")


def command_of(
    environ: Mapping[str, str], which: Callable[[str], str | None], platform: str = sys.platform
) -> list[str] | None:
    """The command for this desktop; None if there is none."""
    wanted = [["pbcopy"]] if platform == "darwin" else [["clip.exe"]] if platform == "win32" else []
    if environ.get("WAYLAND_DISPLAY"):
        wanted.append(["wl-copy"])
    if environ.get("DISPLAY"):
        wanted += [["xclip", "-selection", "clipboard"], ["xsel", "--clipboard", "--input"]]
    for name, *arguments in wanted:
        path = which(name)
        if path is not None:
            return [path, *arguments]
    return None
