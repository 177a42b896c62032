"""`undercroft models`."""

from __future__ import annotations

import sys

import click

from actors.cli.commands.models import models_lifecycle, models_sources
from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_answer, print_json
from actors.cli.views.install_view import InstallView, view_for
from actors.cli.views.model_lines import model_lines
from actors.shared.text import size_text
from bus.client import GapEvent, Peer
from schemas.models import (
    ModelCancelRequestEvent,
    ModelDownloadProgressedEvent,
    ModelInstalledEvent,
    ModelInstallRequestEvent,
    ModelRemoveRequestEvent,
    ModelsListedEvent,
    ModelsListRequestEvent,
    ModelStateChangedEvent,
    ModelStatus,
    ModelVerifyRequestEvent,
)

VERIFY_TIMEOUT_SECONDS = 3600.0


@click.group()
def models() -> None:
    """Install, check and remove models.

    \b
    Examples:
      undercroft models list
      undercroft models install silero-vad whisper-tiny-en
      undercroft models verify whisper-tiny-en
    """


@models.command(name="list")
@target_options
@pass_target
def list_models(target: Target) -> int:
    """List the models of the app, and where each stands.

    \b
    Examples:
      undercroft models list
      undercroft models list --json
    """
    listed = with_peer(target, lambda peer: ask(peer, ModelsListRequestEvent()))
    if target.as_json:
        print_json(listed)
        return ExitCode.OK
    for status in listed.models:
        print("\n".join(model_lines(status)))
    print(f"in {listed.models_directory}")
    return ExitCode.OK


@models.command()
@click.argument("model_ids", nargs=-1, metavar="MODEL...")
@click.option("--all", "everything", is_flag=True, help="Every model of the app that is not installed.")
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Show progress until all is installed; otherwise it goes on by itself.",
)
@target_options
@pass_target
def install(target: Target, model_ids: tuple[str, ...], everything: bool, wait: bool) -> int:
    """Download, verify and activate models. An interrupted install goes on at the next start.

    \b
    Examples:
      undercroft models install whisper-tiny-en
      undercroft models install --all --no-wait
    """
    if bool(model_ids) == everything:
        raise click.UsageError("expected MODEL... or --all, and not both")
    view = view_for(as_json=target.as_json, is_terminal=sys.stdout.isatty())
    with view:
        statuses = with_peer(target, lambda peer: _install(peer, model_ids, view, wait))
    return (
        ExitCode.FAILED if any(status.state in ("failed", "damaged") for status in statuses) else ExitCode.OK
    )


async def _install(
    peer: Peer, model_ids: tuple[str, ...], view: InstallView, wait: bool
) -> list[ModelStatus]:
    wanted = model_ids or await _missing(peer)
    latest: dict[str, ModelStatus] = {}
    begun: set[str] = set()
    async with peer.subscribe(
        ModelDownloadProgressedEvent, ModelStateChangedEvent, ModelInstalledEvent
    ) as events:
        for model_id in dict.fromkeys(wanted):
            latest[model_id] = (await ask(peer, ModelInstallRequestEvent(model_id=model_id))).status
            view.state(latest[model_id])
        while wait and not all(_has_ended(status) for status in latest.values()):
            event = await anext(events)
            if isinstance(event, ModelDownloadProgressedEvent) and event.model_id in latest:
                view.progress(event)
            elif isinstance(event, ModelStateChangedEvent) and event.model_id in latest:
                if event.model_id not in begun and _has_ended(event.status):
                    continue  # how an earlier install ended, or that there was none: retained from before we asked
                begun.add(event.model_id)
                latest[event.model_id] = event.status
                view.state(event.status)
            elif isinstance(event, GapEvent):
                listed = await ask(peer, ModelsListRequestEvent())
                latest |= {status.model_id: status for status in listed.models if status.model_id in latest}
    return list(latest.values())


async def _missing(peer: Peer) -> tuple[str, ...]:
    listed: ModelsListedEvent = await ask(peer, ModelsListRequestEvent())
    return tuple(status.model_id for status in listed.models if status.state != "installed")


def _has_ended(status: ModelStatus) -> bool:
    return status.state in ("installed", "failed", "absent", "partial", "paused", "damaged")


@models.command()
@click.argument("model_id", metavar="MODEL")
@click.option("--drop-partial", is_flag=True, help="Throw away what was downloaded so far.")
@target_options
@pass_target
def cancel(target: Target, model_id: str, drop_partial: bool) -> int:
    """Stop an install; what was downloaded is kept for a later one.

    \b
    Examples:
      undercroft models cancel whisper-tiny-en
    """
    done = with_peer(
        target, lambda peer: ask(peer, ModelCancelRequestEvent(model_id=model_id, drop_partial=drop_partial))
    )
    print_answer(
        target, done, f"{model_id}: {done.status.state}, {size_text(done.status.durable_bytes)} kept"
    )
    return ExitCode.OK


@models.command()
@click.argument("model_id", metavar="MODEL")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Wait so many seconds for those who hold it.",
)
@target_options
@pass_target
def remove(target: Target, model_id: str, dry_run: bool, wait_seconds: float) -> int:
    """Remove a model from disk, with its partial download.

    \b
    Examples:
      undercroft models remove whisper-tiny-en --dry-run
      undercroft models remove whisper-tiny-en
    """
    request = ModelRemoveRequestEvent(model_id=model_id, dry_run=dry_run, wait_seconds=wait_seconds)
    done = with_peer(target, lambda peer: ask(peer, request, 60.0 + wait_seconds))
    print_answer(
        target, done, f"{model_id}: {size_text(done.freed_bytes)} {'would be freed' if dry_run else 'freed'}"
    )
    return ExitCode.OK


@models.command()
@click.argument("model_id", metavar="MODEL")
@target_options
@pass_target
def verify(target: Target, model_id: str) -> int:
    """Hash every byte of an installed model again.

    \b
    Examples:
      undercroft models verify whisper-tiny-en
    """
    verdict = with_peer(
        target, lambda peer: ask(peer, ModelVerifyRequestEvent(model_id=model_id), VERIFY_TIMEOUT_SECONDS)
    )
    lines = [
        f"{finding.path}: {finding.aspect} is {finding.found}, expected {finding.expected}"
        for finding in verdict.findings
    ]
    print_answer(target, verdict, "\n".join(lines or [f"{model_id}: every file is as its manifest promises"]))
    return ExitCode.FAILED if verdict.findings else ExitCode.OK


for command in (*models_lifecycle.COMMANDS, *models_sources.COMMANDS):
    models.add_command(command)
