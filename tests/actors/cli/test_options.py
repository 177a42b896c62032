"""Which runtime a command is about."""

from __future__ import annotations

import click
from click.testing import CliRunner

from actors.cli.options import Target, pass_target, profile_option, target_options


@click.group()
@target_options
@profile_option
def outer() -> None:
    """A group."""


@outer.command()
@target_options
@pass_target
def inner(target: Target) -> None:
    """A command that shows what it is about."""
    click.echo(f"{target.app} {target.home} {target.profile} {target.as_json}")


def shown(*arguments: str) -> str:
    return CliRunner().invoke(outer, arguments, obj=Target()).output.strip()


def test_without_options_it_is_the_runtime_of_the_default_app() -> None:
    assert shown("inner") == "undercroft None dictation False"


def test_options_may_stand_before_and_behind_the_command_and_those_behind_win() -> None:
    assert shown("--home", "/a", "--json", "--profile", "/p", "inner") == "undercroft /a /p True"
    assert shown("--home", "/a", "--app", "one", "inner", "--home", "/b") == "one /b dictation False"
