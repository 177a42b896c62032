"""Options that every command has: which runtime it is about, and whether it answers in JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from actors.shared.profile.profile import DEFAULT_PROFILE
from bus.discovery import DEFAULT_APP

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


@dataclass
class Target:
    """Which runtime a command is about.

    Attributes:
        home: directory with everything of the app; None for UNDERCROFT_HOME or the platform's directories.
        profile: name or directory of the profile; for commands that start something.
        as_json: answer in JSON.
    """

    app: str = DEFAULT_APP
    home: str | None = None
    profile: str = DEFAULT_PROFILE
    as_json: bool = False


pass_target = click.make_pass_decorator(Target, ensure=True)


def target_options(function: FunctionT) -> FunctionT:
    """Add --home, --app and --json. After the command's name they override those before it."""
    for option in (
        click.option(
            "--json", "as_json", is_flag=True, expose_value=False, callback=_keep, help="Answer in JSON."
        ),
        click.option(
            "--app", expose_value=False, callback=_keep, help=f"Name of the app.  [default: {DEFAULT_APP}]"
        ),
        click.option(
            "--home",
            expose_value=False,
            callback=_keep,
            help="Directory with everything of the app.",
        ),
    ):
        function = option(function)
    return function


def profile_option(function: FunctionT) -> FunctionT:
    """Add --profile."""
    text = f"Name of a bundled profile, or a directory with a profile.toml.  [default: {DEFAULT_PROFILE}]"
    return click.option("--profile", expose_value=False, callback=_keep, help=text)(function)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value and parameter.name is not None:
        setattr(context.ensure_object(Target), parameter.name, value)
