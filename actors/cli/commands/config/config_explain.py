"""`undercroft config explain`."""

from __future__ import annotations

import click

from actors.cli.commands.config.config_change import json_text
from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_json
from schemas.config import SettingExplained, SettingsExplainRequestEvent


@click.command()
@click.argument("key")
@target_options
@pass_target
def explain(target: Target, key: str) -> int:
    """Show where the value of a setting comes from: every layer, which one wins, and why.

    KEY is a setting or a section. The layers, lowest first: the app's default, the preset, the user's value,
    the environment, this session, and the administrator's policy.

    \b
    Examples:
      undercroft config explain vad.sensitivity
      undercroft config explain vad --json
    """
    found = with_peer(target, lambda peer: ask(peer, SettingsExplainRequestEvent(path=key))).settings
    if target.as_json:
        print_json(found)
        return ExitCode.OK
    for number, setting in enumerate(found):
        if number:
            print()
        _show(setting)
    return ExitCode.OK


def _show(setting: SettingExplained) -> None:
    print(f"{setting.path} = {json_text(setting.value)}  ({setting.title})")
    for row in reversed(setting.layers):
        mark = ">" if row.wins else " "
        value, source = (json_text(row.value), row.source) if row.is_set else ("-", "")
        note = f"  does not count: {row.problem}" if row.problem else ""
        print(f"  {mark} {row.layer:<11}  {value}  {source}".rstrip() + note)
    print(f"  {setting.reason}")
