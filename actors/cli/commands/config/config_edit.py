"""`undercroft config edit`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from actors.cli.commands.config.config_change import GET, ask_store, problem_lines, show_change
from actors.cli.commands.config.config_transfer import ImportFileWrong, read_settings
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.terminal import escaped_json
from bus.error_words import in_words
from bus.errors import OperatorError
from schemas.config import RuntimeConfigRequestEvent, RuntimeConfigResponseEvent

FALLBACK: Final = "notepad" if sys.platform == "win32" else "vi"


class EditorFailed(OperatorError):
    """The editor could not be started, or ended with an error.

    Attributes:
        editor: the command.
        detail: what happened.
    """

    editor: str
    detail: str
    words = "editor {editor!r}: {detail}; nothing was changed; set VISUAL or EDITOR to use another editor"


@click.command()
@target_options
@pass_target
def edit(target: Target) -> int:
    """Edit the overrides in $VISUAL or $EDITOR, as JSON with dotted paths.

    Removing a line resets that setting. Everything is checked before anything is applied; if something is
    wrong, you can open the editor again. If somebody else changed the settings meanwhile, nothing is applied
    and your text is kept. Secrets are shown as asterisks; leave these to keep the secret.

    \b
    Examples:
      undercroft config edit
      EDITOR="code --wait" undercroft config edit
    """
    before = ask_store(target, GET)
    directory = Path(tempfile.mkdtemp(prefix="undercroft-config-"))
    file = directory / "settings.json"
    file.write_text(
        escaped_json(json.dumps(dict(sorted(before.overrides.items())), indent=2, ensure_ascii=False)) + "\n",
        encoding="utf-8",
    )
    while True:
        run_editor(file)
        wrong, answer = _apply(target, before, file)
        if answer is not None:
            file.unlink()
            directory.rmdir()
            if target.as_json:
                print_json(answer)
            return ExitCode.OK if answer.durable else ExitCode.FAILED
        print(wrong, file=sys.stderr)
        if "changed by somebody else" in wrong or not (
            sys.stdin.isatty() and click.confirm("Edit again?", default=True, err=True)
        ):
            print(f"nothing was changed; the text is kept in {file}", file=sys.stderr)
            return ExitCode.REFUSED


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What to set and what to reset, so that `before` becomes `after`."""
    return {path: value for path, value in after.items() if before.get(path, ...) != value}, [
        path for path in before if path not in after
    ]


def run_editor(file: Path) -> None:
    """Open a file in the editor and wait until it is closed.

    Raises:
        EditorFailed: it cannot be started, or ended with an error.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or FALLBACK
    try:
        ended = subprocess.run([*shlex.split(editor, posix=os.name != "nt"), str(file)], check=False)
    except (OSError, ValueError) as error:
        raise EditorFailed(editor, f"cannot be started: {in_words(error)}") from error
    if ended.returncode:
        raise EditorFailed(editor, f"ended with {ended.returncode}")


def _apply(
    target: Target, before: RuntimeConfigResponseEvent, file: Path
) -> tuple[str, RuntimeConfigResponseEvent | None]:
    """What is wrong with the text; or the reply of the store that took it."""
    try:
        updates, resets = difference(before.overrides, read_settings(file))
    except ImportFileWrong as error:
        return str(error), None
    if not updates and not resets:
        print("nothing was changed")
        return "", before
    request = RuntimeConfigRequestEvent(
        operation="update", updates=updates, resets=resets, expected_fingerprint=before.fingerprint
    )
    answer = ask_store(target, request)
    if not answer.success:
        return "\n".join(problem_lines(answer)), None
    if not target.as_json:
        show_change(answer)
    return "", answer
