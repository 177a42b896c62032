"""Tables, bars and live drawings show text of others as text."""

from __future__ import annotations

import contextlib
import io
import re

import pytest
from rich.live import Live
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from actors.cli.live_console import LiveConsole
from actors.cli.terminal import guarded_output

POISON = "a\x1b]0;title\x07\x1b[2J\x9b31m\u202e[red]b[/red][link=http://x]c[/link]:smile:"
OWN = re.compile(r"\x1b\[[0-9;]*[mAK]|\x1b\[\?25[lh]|\r")
"""What rich itself writes: colours, one line up, clear the line, the cursor off and on."""


class _Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> _Tty:
    out = _Tty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "400")
    return out


def test_a_table_a_text_and_a_plain_line_show_what_they_are_given(terminal: _Tty) -> None:
    with contextlib.redirect_stdout(terminal), guarded_output():
        console = LiveConsole()
    table = Table()
    table.add_column(POISON)
    table.add_row(POISON)
    for shown in (POISON, Text(POISON, style="bold"), table):
        console.print(shown)
    left = OWN.sub("", terminal.getvalue())
    assert "\x1b" not in left
    assert "\x9b" not in left
    assert "\u202e" not in left
    assert left.count("a]0;title[2J31m[red]b[/red][link=http://x]c[/link]:smile:") == 4


def test_a_live_drawing_and_what_is_printed_above_it(terminal: _Tty) -> None:
    with (
        contextlib.redirect_stdout(terminal),
        guarded_output(),
        Live(Text(POISON), console=LiveConsole(), auto_refresh=False) as live,
    ):
        print(POISON)
        live.update(Text(POISON + "2"), refresh=True)
    left = OWN.sub("", terminal.getvalue())
    assert "a]0;title[2J31m[red]b" in left
    assert not re.search("[\x1b\x9b\x07\u202e]", left)


def test_a_progress_bar(terminal: _Tty) -> None:
    columns = TextColumn("{task.description}", markup=False)
    with (
        contextlib.redirect_stdout(terminal),
        guarded_output(),
        Progress(columns, console=LiveConsole(), auto_refresh=False) as progress,
    ):
        progress.add_task(POISON)
        progress.refresh()
    left = OWN.sub("", terminal.getvalue())
    assert "a]0;title[2J31m[red]b" in left
    assert not re.search("[\x1b\x9b\x07\u202e]", left)
