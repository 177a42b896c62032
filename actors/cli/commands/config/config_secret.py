"""`undercroft config secret`."""

from __future__ import annotations

import sys

import click

from actors.cli.commands.config.config_change import change, secrets_of
from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode, print_json
from actors.cli.options import Target, pass_target, target_options
from schemas.config import RuntimeConfigRequestEvent, SecretRevealRequestEvent


@click.command()
@click.argument("key")
@click.option("--reveal", is_flag=True, help="Print the value instead of setting it.")
@target_options
@pass_target
def secret(target: Target, key: str, reveal: bool) -> int:
    """Set a secret; its value is kept in the system's keychain.

    The value is asked for, or read from standard input where that is no terminal: a command line can be read
    by others.

    \b
    Examples:
      undercroft config secret cloud.api_key
      undercroft config secret cloud.api_key < key.txt
      undercroft config secret cloud.api_key --reveal
    """
    if reveal:
        value = with_peer(target, lambda peer: ask(peer, SecretRevealRequestEvent(path=key))).value
        if target.as_json:
            print_json({"value": value})
        else:
            print(value)
        return ExitCode.OK
    if key not in secrets_of(target):
        raise click.UsageError(f"{key!r} is not declared a secret; 'undercroft config set' sets what is none")
    value = click.prompt(key, hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not value:
        raise click.UsageError(f"there is no value; 'undercroft config reset {key}' removes the secret")
    return change(target, RuntimeConfigRequestEvent(operation="update", updates={key: value}))
