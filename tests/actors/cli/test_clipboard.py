"""Text reaches the clipboard by the program that the desktop has, and never as an argument."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actors.cli.clipboard import NoClipboard, command_of, copy

PROGRAMS = {"wl-copy": "/bin/wl-copy", "xclip": "/bin/xclip", "pbcopy": "/bin/pbcopy", "clip.exe": "clip.exe"}


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, "linux", ["/bin/wl-copy"]),
        ({"DISPLAY": ":0"}, "linux", ["/bin/xclip", "-selection", "clipboard"]),
        ({}, "linux", None),
        ({}, "darwin", ["/bin/pbcopy"]),
        ({}, "win32", ["clip.exe"]),
    ],
)
def test_each_desktop_has_its_program(
    environ: dict[str, str], platform: str, expected: list[str] | None
) -> None:
    assert command_of(environ, PROGRAMS.get, platform) == expected


@pytest.mark.requirement("S1-16")
@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")
def test_the_text_goes_in_by_standard_input(tmp_path: Path) -> None:
    program = tmp_path / "xclip"
    program.write_text(f'#!/bin/sh\ncat > "{tmp_path}/copied"\necho "$@" > "{tmp_path}/arguments"\n')
    program.chmod(0o700)
    copy("süß", {"DISPLAY": ":0"}, lambda name: str(program) if name == "xclip" else None)
    assert (tmp_path / "copied").read_text() == "süß"
    assert "süß" not in (tmp_path / "arguments").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")
def test_a_program_that_fails_is_told(tmp_path: Path) -> None:
    program = tmp_path / "xclip"
    program.write_text("#!/bin/sh\ncat > /dev/null\nexit 3\n")
    program.chmod(0o700)
    with pytest.raises(NoClipboard, match="exit code 3; write the report to a file"):
        copy("x", {"DISPLAY": ":0"}, lambda name: str(program) if name == "xclip" else None)


def test_without_a_desktop_nothing_is_copied_and_that_is_told() -> None:
    with pytest.raises(NoClipboard, match="nothing was copied"):
        copy("x", {}, lambda _: None)
