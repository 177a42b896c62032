"""What destroys asks first, and never takes silence for a yes."""

from __future__ import annotations

import io
import sys

import click
import pytest

from actors.cli.commands.history.history_removal import _confirm
from actors.cli.options import Target


def test_without_a_terminal_or_for_a_program_a_yes_is_given_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    for target in (Target(), Target(as_json=True)):
        with pytest.raises(click.UsageError, match="add --yes"):
            _confirm(target, "Delete?", False)
        _confirm(target, "Delete?", True)
