"""`undercroft keys`: works on the files and the keychain directly, so it needs no runtime."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.shared.locations.locations import locate
from actors.shared.text import local_time

if TYPE_CHECKING:
    from actors.shared.keys.key_ring import KeyRing
    from schemas.keys import KeysReport

PROMPT_TIMEOUT_SECONDS = 120.0
"""Time for a person to type the password of the keychain."""

CODE_LIMIT = 200


@click.group()
def keys() -> None:
    """See, rotate and recover the keys that encrypt documents.

    No command shows a key. A running runtime takes over changes without a restart.

    \b
    Examples:
      undercroft keys status
      undercroft keys recovery-code
      undercroft keys restore
    """


@keys.command()
@target_options
@pass_target
def status(target: Target) -> int:
    """Show whether the keys are available, and if not, why. Opens no window and makes no key.

    \b
    Examples:
      undercroft keys status
      undercroft keys status --json
    """
    ring = _ring(target)
    ring.unlock()
    return _show(target, ring.report())


@keys.command()
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=0.1),
    default=PROMPT_TIMEOUT_SECONDS,
    show_default=True,
    help="Seconds to wait.",
)
@target_options
@pass_target
def unlock(target: Target, timeout_seconds: float) -> int:
    """Let the keychain ask for its password, and wait for it.

    \b
    Examples:
      undercroft keys unlock
      undercroft keys unlock --timeout 10
    """
    ring = _ring(target, interactive=True, timeout_seconds=timeout_seconds)
    ring.unlock()
    return _show(target, ring.report())


@keys.command()
@click.option(
    "--key-encryption-key",
    "whole",
    is_flag=True,
    help="Also put a new key into the keychain, and wrap all data keys under it.",
)
@target_options
@pass_target
def rotate(target: Target, whole: bool) -> int:
    """Encrypt with a new key from now on. Everything that is encrypted already stays readable.

    \b
    Examples:
      undercroft keys rotate
      undercroft keys rotate --key-encryption-key
    """
    ring = _ring(target, interactive=True, timeout_seconds=PROMPT_TIMEOUT_SECONDS)
    ring.rotate_data_key()
    if whole:
        ring.rotate_key_encryption_key()
    return _show(target, ring.report())


@keys.command(name="recovery-code")
@target_options
@pass_target
def recovery_code(target: Target) -> int:
    """Make a recovery code and show it once. The former code opens nothing any more.

    \b
    Examples:
      undercroft keys recovery-code
    """
    ring = _ring(target, interactive=True, timeout_seconds=PROMPT_TIMEOUT_SECONDS)
    code = ring.make_recovery_code()
    if target.as_json:
        print_json({"recovery_code": code})
    else:
        print(code)
        print(
            "Write it down, and keep it away from this machine: it is shown only now.\n"
            "'undercroft keys restore' asks for it.",
            file=sys.stderr,
        )
    return ExitCode.OK


@keys.command()
@target_options
@pass_target
def restore(target: Target) -> int:
    """Put the key back into the keychain with a recovery code.

    The command asks for the code, or reads it from stdin.

    \b
    Examples:
      undercroft keys restore
      undercroft keys restore < code.txt
    """
    code = (
        click.prompt("Recovery code", hide_input=True, err=True)
        if sys.stdin.isatty()
        else sys.stdin.read(CODE_LIMIT)
    )
    ring = _ring(target, interactive=True, timeout_seconds=PROMPT_TIMEOUT_SECONDS)
    ring.restore(code)
    return _show(target, ring.report())


def _ring(target: Target, *, interactive: bool = False, timeout_seconds: float = 0.0) -> KeyRing:
    from actors.shared.keychain.keychain_worker import TIMEOUT_SECONDS
    from actors.shared.keys.key_ring import open_ring

    return open_ring(
        locate(target.app, target.home).state,
        interactive=interactive,
        timeout_seconds=timeout_seconds or TIMEOUT_SECONDS,
    )


def _show(target: Target, report: KeysReport) -> int:
    if target.as_json:
        print_json(report)
    else:
        print("\n".join(lines_of(report)))
    return ExitCode.REFUSED if report.state == "locked" else ExitCode.OK


def lines_of(report: KeysReport) -> list[str]:
    """The report for people."""
    if report.state == "absent":
        return [f"no keys yet: the first encrypted write makes them ({report.keychain})"]
    lines = [
        f"locked ({report.reason}): {report.detail}"
        if report.state == "locked"
        else f"unlocked ({report.keychain})"
    ]
    lines += [report.advice] if report.advice else []
    if report.key_encryption_key:
        where = f", put into {report.kept_in}" if report.kept_in else ""
        lines.append(f"key-encryption key  {report.key_encryption_key}{where}")
    for key in report.data_keys:
        state = f"only decrypts since {_day(key.retired_at)}" if key.retired_at else "encrypts"
        lines.append(f"data key            {key.id}  made {_day(key.created_at)}, {state}")
    if report.data_keys:
        lines.append(
            "recovery code       "
            + (
                "there is one"
                if report.has_recovery_code
                else "none; 'undercroft keys recovery-code' makes one"
            )
        )
    return lines


def _day(at: float) -> str:
    return local_time(at, "%Y-%m-%d")
