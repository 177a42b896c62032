"""`undercroft config secret`."""

from __future__ import annotations

import sys

import click

from actors.cli.commands.config.config_change import change
from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from actors.cli.terminal import data_writer
from schemas.config import (
    RuntimeConfigRequestEvent,
    SecretRevealRequestEvent,
    SettingsDescribeRequestEvent,
)


@click.command()
@click.argument("key")
@click.option("--reveal", is_flag=True, help="Print the value instead of setting it.")
@target_options
@pass_target
def secret(target: Target, key: str, reveal: bool) -> int:
    """Set a secret. Its value is stored in the system's keychain.

    The command prompts for the value, or reads it from standard input if that is not a terminal. Other users
    can read a command line, so the value must not be part of it.

    --reveal is for peers that the profile names with reveal_secrets. Run it as one of them, with
    UNDERCROFT_CREDENTIAL="name:credential" in the environment.

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
            data_writer()(f"{value}\n")
        return ExitCode.OK
    described = with_peer(target, lambda peer: ask(peer, SettingsDescribeRequestEvent()))
    if not any(field.is_secret and field.path == key for field in described.fields):
        raise click.UsageError(f"{key!r} is not declared a secret; use 'undercroft config set' for it")
    # No connection is open while a person types.
    value = click.prompt(key, hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not value:
        raise click.UsageError(f"the value is empty; 'undercroft config reset {key}' removes the secret")
    return change(target, RuntimeConfigRequestEvent(operation="update", updates={key: value}))
