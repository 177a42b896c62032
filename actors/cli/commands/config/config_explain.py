"""`undercroft config explain`."""

from __future__ import annotations

import json

import click

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode, print_json
from actors.cli.options import Target, pass_target, target_options
from schemas.config import SettingExplained, SettingsExplainRequestEvent


@click.command()
@click.argument("key")
@target_options
@pass_target
def explain(target: Target, key: str) -> int:
    """Tell where the value of a setting comes from: each layer, which wins, and why.

    KEY is a setting or a section. From the lowest: the app's default, the preset, what the user set, the
    environment, this session, and the administrator's policy.

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
    print(f"{setting.path} = {json.dumps(setting.value, ensure_ascii=False)}  ({setting.title})")
    for row in reversed(setting.layers):
        value = json.dumps(row.value, ensure_ascii=False) if row.is_set else "-"
        note = f"  does not count: {row.problem}" if row.problem else ""
        print(
            f"  {'>' if row.wins else ' '} {row.layer:<11}  {value}  {row.source if row.is_set else ''}".rstrip()
            + note
        )
    print(f"  {setting.reason}")
