"""`undercroft up`."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, profile_option, target_options
from actors.cli.output import print_json
from actors.cli.system_shortage import shortage_of
from actors.cli.views.actor_table import code_of, print_status
from actors.runtime.supervisor.host.launcher.process_limits import check_limits
from actors.runtime.supervisor.supervisor_options import (
    DEFAULT_SPAWN_METHOD,
    DEFAULT_TRANSPORT,
    DeveloperOptions,
    SpawnMethod,
    Transport,
)
from actors.shared.profile.profile import BUNDLED_DIRECTORY, ProfileError, find_profile
from bus.error_words import in_words
from bus.errors import UndercroftError
from schemas.operations.supervision import SupervisorStatusEvent

if TYPE_CHECKING:
    from actors.cli.background_start import BackgroundRuntime
    from actors.cli.profile_check.judging_process import ProfileJudgement
    from actors.runtime.supervisor.interfaces import SupervisorObserver


@click.command()
@click.option(
    "--detach", is_flag=True, help="Start in the background; return when every actor is ready or has failed."
)
@click.option(
    "--exit-with-parent",
    is_flag=True,
    help="Stop when stdin ends, or when the process that started this one is gone. For apps.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Stop the runtime that has this home, such as one that an app left behind, and take its place.",
)
@click.option(
    "--logs/--no-logs",
    "with_logs",
    default=None,
    help="Show what the children write.  [default: yes for a person, no with --json]",
)
@click.option(
    "--transport",
    type=click.Choice(["ipc", "tcp"]),
    default=DEFAULT_TRANSPORT,
    show_default=True,
    help="How peers reach the broker; tcp is loopback only, encrypted with CURVE.",
)
@click.option(
    "--spawn",
    "spawn_method",
    type=click.Choice(["fork", "spawn"]),
    default=DEFAULT_SPAWN_METHOD,
    show_default=True,
    help="How processes are created.",
)
@click.option(
    "--timeout",
    "timeout_seconds",
    default=60.0,
    show_default=True,
    help="With --detach or --replace: how long to wait for either, in seconds.",
)
@click.option(
    "--reload",
    is_flag=True,
    help="While developing: watch the files of the profile, and start again what runs a changed one.",
)
@click.option("--settled-to-stdout", is_flag=True, hidden=True)
@click.option("--without", "apart", default="", hidden=True)  # of 'run-actor', which runs this one itself
@target_options
@profile_option
@pass_target
def up(
    target: Target,
    detach: bool,
    exit_with_parent: bool,
    replace: bool,
    with_logs: bool | None,
    transport: Transport,
    spawn_method: SpawnMethod,
    timeout_seconds: float,
    reload: bool,
    settled_to_stdout: bool,
    apart: str,
) -> int:
    """Start the runtime of an app and keep it running, until Ctrl-C or 'undercroft down'.

    Before anything starts, the profile is judged as by 'undercroft check': with a mistake that would keep a
    part of the app from working, the exit code is 4. SIGHUP reads the children of the profile again.

    With --json, each change is one object with a 'type'; "settled" says that all is ready ("ready": true), or
    who is not ("not_ready"). 'undercroft contract --format up-lines' shows all types.

    \b
    Examples:
      undercroft up
      undercroft up --profile ./myapp --home /tmp/try
      undercroft up --detach --json
      undercroft up --json --exit-with-parent --replace     as the sidecar of an app
      undercroft up --profile ./myapp --reload              while you develop it
    """
    if exit_with_parent and detach:
        raise click.UsageError("--detach outlives its parent: it does not go with --exit-with-parent")
    check_limits()
    if reload:
        sys.dont_write_bytecode = True  # an edit within the same second must not meet the former bytecode
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with _judging(target) as judgement:
        if replace:
            from actors.cli.runtime.runtime_end import end_holder

            _refuse_mistakes(judgement)
            end_holder(target, timeout_seconds)
        if detach:
            _refuse_mistakes(judgement)
            background = _background(target, transport, spawn_method)
            if background is not None:
                return _wait_settled(target, background, timeout_seconds)
            target.as_json, settled_to_stdout = False, True  # this is the background now
        view = _view(target, settled_to_stdout, with_logs)
        developing = DeveloperOptions(apart=apart, reload=reload)
        return _run(target, view, judgement, transport, spawn_method, developing, exit_with_parent)


def _background(target: Target, transport: Transport, spawn_method: SpawnMethod) -> BackgroundRuntime | None:
    from actors.cli.background_start import fork_background, spawn_background

    return fork_background() if spawn_method == "fork" else spawn_background(target, transport, spawn_method)


@contextlib.contextmanager
def _judging(target: Target) -> Iterator[ProfileJudgement | None]:
    """Judge the profile beside everything else; None for a bundled one, which our own tests judge."""
    from actors.cli.profile_check.judging_process import NotJudged, ProfileJudgement

    directory = find_profile(target.profile)
    if directory.is_relative_to(BUNDLED_DIRECTORY):
        yield None
        return
    try:
        judgement = ProfileJudgement(directory)
    except NotJudged:  # for want of memory or processes, of which the start itself says more
        yield None
        return
    try:
        yield judgement
    finally:
        judgement.close()


def _refuse_mistakes(judgement: ProfileJudgement | None) -> None:
    for mistake in judgement.refuse_mistakes() if judgement else ():
        print(f"undercroft: {mistake}", file=sys.stderr)


def _run(
    target: Target,
    view: SupervisorObserver,
    judgement: ProfileJudgement | None,
    transport: Transport,
    spawn_method: SpawnMethod,
    developing: DeveloperOptions,
    exit_with_parent: bool,
) -> int:
    from actors.runtime.supervisor.start import run_supervisor

    def once_forked() -> None:
        _refuse_mistakes(judgement)
        _guard_output(target)

    try:
        run_supervisor(
            app=target.app,
            home=target.home,
            profile=target.profile,
            transport=transport,
            spawn_method=spawn_method,
            observers=[view],
            exit_with_parent=exit_with_parent,
            once_forked=once_forked,
            developing=developing,
        )
    except ProfileError:
        _refuse_mistakes(judgement)  # it names all that is wrong, not only the first
        raise
    except UndercroftError:
        raise
    except Exception as error:  # told here, where output cannot block any more
        if (short := shortage_of(error)) is not None:
            raise short from error
        traceback.print_exc()
        if target.as_json:
            words = in_words(error)
            print_json({"error": words, "type": type(error).__name__, "exit_code": int(ExitCode.FAILED)})
        return ExitCode.FAILED
    return ExitCode.OK


def _guard_output(target: Target) -> None:
    """From now on, whatever this process prints neither blocks nor ends it."""
    from actors.cli.terminal import replace_beneath, sink_of_stdout
    from actors.cli.views.up_view import dropped_notice
    from actors.runtime.supervisor.host.launcher.output_sink import sinks_for

    replace_beneath(sinks_for)
    if target.as_json:
        sink_of_stdout().notice = dropped_notice


def _view(target: Target, settled_to_stdout: bool, with_logs: bool | None) -> SupervisorObserver:
    from actors.cli.views import up_view

    if settled_to_stdout:
        return up_view.SettledUpView()
    if target.as_json:
        return up_view.JsonUpView(with_logs=bool(with_logs))
    wanted = with_logs is not False
    if sys.stdout.isatty():
        return up_view.LiveUpView(with_logs=wanted)
    return up_view.PlainUpView(with_logs=wanted)


def _wait_settled(target: Target, background: BackgroundRuntime, timeout_seconds: float) -> int:
    line = background.settled(timeout_seconds)
    if not line:
        return _report_failed_start(target, background)
    overview = msgspec.json.decode(line, type=SupervisorStatusEvent)
    if target.as_json:
        from actors.cli.views.up_view import settled_document

        print_json(settled_document(overview))
    else:
        print_status(overview)
    return code_of(overview)


def _report_failed_start(target: Target, background: BackgroundRuntime) -> int:
    code, words = background.failure()
    code = code if code > 0 else ExitCode.FAILED
    if target.as_json:
        error = words.strip().removeprefix("undercroft: ")
        print_json({"error": error, "type": "StartFailed", "exit_code": int(code)})
    else:
        sys.stderr.write(words)
    return code
