"""`undercroft check`."""

from __future__ import annotations

import click

from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, profile_option, target_options
from actors.cli.output import print_json
from actors.cli.profile_check.judging_process import ProfileJudgement
from actors.cli.profile_check.mistake import Mistake, as_document
from actors.shared.profile.profile import find_profile


@click.command()
@click.argument("directory", required=False, metavar="[PROFILE]")
@target_options
@profile_option
@pass_target
def check(target: Target, directory: str | None) -> int:
    """Judge a profile: name every mistake, with its place and what to change.

    PROFILE is a directory with a profile.toml, or the name of a bundled profile. No runtime is needed, no
    network, and nothing is changed. Python of the app is imported, in a process of its own.

    It looks at profile.toml; settings, presets and migrations; entries of actors; commands; models, modes
    and wording; documents and namespaces. 'undercroft up' looks first, too, and starts nothing while a
    mistake would keep a part from working.

    The exit code is 0 if there is no mistake, and 1 if there is one.

    \b
    Examples:
      undercroft check
      undercroft check ./myapp
      undercroft check ./myapp --json | jq -r '.mistakes[] | .place + ": " + .cure'
    """
    found = find_profile(directory or target.profile)
    mistakes = ProfileJudgement(found).mistakes()
    if target.as_json:
        print_json({"profile": str(found), "mistakes": [as_document(mistake) for mistake in mistakes]})
    else:
        for mistake in mistakes:
            print(mistake)
        print(_summary(str(found), mistakes))
    return ExitCode.FAILED if mistakes else ExitCode.OK


def _summary(directory: str, mistakes: list[Mistake]) -> str:
    if not mistakes:
        return f"{directory}: no mistakes"
    blocking = sum(mistake.blocks for mistake in mistakes)
    count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    if not blocking:
        return f"{count}; 'undercroft up' starts nevertheless"
    held = "" if blocking == len(mistakes) else f" {blocking} of them:"
    return f"{count};{held} 'undercroft up' starts nothing before they are mended"
