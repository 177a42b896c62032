"""Options that the commands of models share."""

from __future__ import annotations

import click
from click.testing import CliRunner

from actors.cli.commands.models.models_options import dry_run_option, model_argument, wait_option


@click.command()
@model_argument
@wait_option
@dry_run_option
def shown(model_id: str, wait_seconds: float, dry_run: bool) -> None:
    """A command that shows what it got."""
    click.echo(f"{model_id} {wait_seconds:g} {dry_run}")


def test_by_default_nothing_is_waited_for_and_nothing_is_only_shown() -> None:
    assert CliRunner().invoke(shown, ["m"]).output == "m 0 False\n"
    assert CliRunner().invoke(shown, ["m", "--wait", "2.5", "--dry-run"]).output == "m 2.5 True\n"


def test_a_negative_time_is_refused() -> None:
    assert CliRunner().invoke(shown, ["m", "--wait", "-1"]).exit_code == 2
