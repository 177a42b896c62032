"""The command line of the tour; the tour itself runs in tests/acceptance."""

from __future__ import annotations

from click.testing import CliRunner

from actors.cli.main import undercroft


def test_help_shows_examples_and_touches_nothing() -> None:
    result = CliRunner().invoke(undercroft, ["demo", "--help"])
    assert result.exit_code == 0
    assert "undercroft demo --json" in result.output


def test_an_option_that_does_not_exist_is_a_usage_error() -> None:
    result = CliRunner().invoke(undercroft, ["demo", "--fast"])
    assert result.exit_code == 2
