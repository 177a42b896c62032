"""`undercroft run-actor`."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
import msgspec

from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, profile_option, target_options
from actors.runtime.frozen_program import interpreter_command
from actors.runtime.supervisor.actor_apart import actor_named
from actors.shared.locations.location_choices import handed_over, read_choices, resolve
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import Profile, find_profile, read_profile
from bus.discovery import read_runtime, runtime_path
from bus.errors import OperatorError, UndercroftError

CREDENTIAL_BYTES: Final = 32
END_SECONDS: Final = 60.0


class RestNotStarted(OperatorError):
    """The runtime without the actor could not be started.

    Attributes:
        detail: what it said.
    """

    detail: str
    words = "the rest of the app did not start: {detail}"


@click.command("run-actor")
@click.argument("name")
@target_options
@profile_option
@pass_target
def run_actor(target: Target, name: str) -> int:
    """Run one actor in the foreground, and the rest of its app beside it.

    The actor runs in the main thread of this process: a breakpoint() in it opens the debugger, nobody expects
    heartbeats, and an exception shows its whole traceback. Ctrl-C stops it, and then the rest. The home must
    have no runtime yet.

    \b
    Examples:
      undercroft run-actor greeter --profile ./myapp
      python -m pdb -m actors run-actor greeter --profile ./myapp
    """
    profile = read_profile(find_profile(target.profile))
    actor_named(profile, name)
    credential = secrets.token_urlsafe(CREDENTIAL_BYTES)
    with _the_rest(target, profile, name, credential):
        print(f"{name} runs in process {os.getpid()}, the rest of {profile.name} beside it", file=sys.stderr)
        return _run(target, profile, name, credential)


def _run(target: Target, profile: Profile, name: str, credential: str) -> int:
    from actors.runtime.child_main import ActorStart, run_apart
    from actors.runtime.supervisor.start_messages import as_text

    table = actor_named(profile, name)
    defaults = locate(target.app, target.home)
    locations = resolve(defaults, read_choices(defaults.config).choices).locations
    start = ActorStart(
        name=name,
        entry=table.entry,
        path=str(profile.directory / table.path) if table.path else "",
        profile=str(profile.directory),
        locations=as_text(handed_over(locations, defaults)),
        defaults=as_text(defaults),
        runtime=read_runtime(runtime_path(target.app, target.home)),
        credential=credential,
    )
    os.environ.update(table.environment)
    try:
        run_apart(start)
    except UndercroftError:
        raise
    except Exception:  # code of the app may raise anything, and its author wants to see where
        traceback.print_exc()
        return ExitCode.FAILED
    return ExitCode.OK


@contextmanager
def _the_rest(target: Target, profile: Profile, name: str, credential: str) -> Iterator[None]:
    """Run the app without the actor, whose name is reserved for who has the credential."""
    options = ["--app", target.app, "--profile", str(profile.directory)]
    options += ["--home", target.home] if target.home else []
    command = interpreter_command("actors", *options, "up", "--json", "--exit-with-parent", "--without", name)
    runtime = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # its end is the end of the runtime, however this process ends
        stdout=subprocess.PIPE,
        env={**os.environ, "UNDERCROFT_PEER_CREDENTIALS": json.dumps({name: credential})},
        start_new_session=os.name == "posix",  # Ctrl-C is for the actor
    )
    try:
        _wait_until_settled(runtime)
        yield
    finally:
        assert runtime.stdin is not None
        assert runtime.stdout is not None
        runtime.stdin.close()
        runtime.stdout.close()
        try:
            runtime.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            runtime.kill()
            runtime.wait()


def _wait_until_settled(runtime: subprocess.Popen[bytes]) -> None:
    assert runtime.stdout is not None
    for text in runtime.stdout:
        line: dict[str, Any] = msgspec.json.decode(text)
        if line.get("type") == "settled":
            if not line.get("ready"):
                print(f"not ready: {', '.join(line.get('not_ready', ()))}", file=sys.stderr)
            return
        if "exit_code" in line:
            raise RestNotStarted(str(line.get("error", "")))
    raise RestNotStarted("it ended without a word")
