"""`undercroft models add | resolve | withdraw | accept | refresh`: commands about where models come from."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from actors.cli.connection import ask, with_peer
from actors.cli.exit_codes import ExitCode
from actors.cli.options import Target, pass_target, target_options
from actors.cli.output import print_answer
from schemas.manifest import ModelEntry
from schemas.sources import (
    LicenceAcceptRequestEvent,
    ManifestRefreshRequestEvent,
    ModelAddedEvent,
    ModelAddRequestEvent,
    ModelNameResolveRequestEvent,
    ModelWithdrawRequestEvent,
)

RESOLVE_TIMEOUT_SECONDS: Final = 3600.0
"""A large file on a slow stick takes long to hash."""
FILES_SHOWN: Final = 10

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def name_options(function: FunctionT) -> FunctionT:
    """Add NAME, and the options that complete or replace what it says."""
    for option in (
        click.option(
            "--category",
            default="",
            help="Purpose of the model: stt, llm, tts, vad, embedding ...  [default: what the source says]",
        ),
        click.option("--id", "model_id", default="", help="Id of the model.  [default: made from the name]"),
        click.option(
            "--size",
            "size_bytes",
            type=click.IntRange(min=0),
            help="Length of the file in bytes.  [default: what the server says]",
        ),
        click.option(
            "--sha256",
            default="",
            help="Digest of the file, 64 hex digits. Needed for https:// names that do not contain it.",
        ),
        click.argument("name", metavar="NAME"),
    ):
        function = option(function)
    return function


@click.command()
@name_options
@click.option("--dry-run", is_flag=True, help="Only show what would be added.")
@target_options
@pass_target
def add(
    target: Target,
    name: str,
    sha256: str,
    size_bytes: int | None,
    model_id: str,
    category: str,
    dry_run: bool,
) -> int:
    """Add a model by name, so that it can be installed. Nothing large is downloaded yet.

    \b
    Names:
      hf:org/repo[@revision][:file or glob]    the Hugging Face hub; pinned to a commit
      ollama:name[:tag]                        the registry of Ollama; pinned to a digest
      oci:registry/name[:tag]                  any OCI registry
      https://host/file#sha256=...             one file; its digest is needed
      file:/path or ./path                     a file or directory of this machine

    \b
    Examples:
      undercroft models add hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF:qwen2.5-0.5b-instruct-q4_k_m.gguf
      undercroft models add ollama:qwen2.5:0.5b --id qwen-small
      undercroft models add file:/media/stick/voice.onnx --category tts
      undercroft models add hf:org/repo --dry-run
    """
    if dry_run:
        return _resolve(target, name, sha256, size_bytes, model_id, category)
    request = ModelAddRequestEvent(
        name=absolute_name(name), sha256=sha256, size_bytes=size_bytes, model_id=model_id, category=category
    )
    added = with_peer(target, lambda peer: ask(peer, request, RESOLVE_TIMEOUT_SECONDS))
    print_answer(target, added, "\n".join(added_lines(added)))
    return ExitCode.OK


@click.command()
@name_options
@target_options
@pass_target
def resolve(
    target: Target, name: str, sha256: str, size_bytes: int | None, model_id: str, category: str
) -> int:
    """Show what a name means now: files, sizes, digests, licence. Changes nothing.

    \b
    Examples:
      undercroft models resolve hf:ggerganov/whisper.cpp:ggml-tiny.bin
      undercroft models resolve ollama:qwen2.5:0.5b --json
    """
    return _resolve(target, name, sha256, size_bytes, model_id, category)


@click.command()
@click.argument("model_id", metavar="MODEL")
@target_options
@pass_target
def withdraw(target: Target, model_id: str) -> int:
    """Remove an added model from the list. Its files stay; 'models remove' deletes them.

    \b
    Examples:
      undercroft models withdraw qwen-small
    """
    done = with_peer(target, lambda peer: ask(peer, ModelWithdrawRequestEvent(model_id=model_id)))
    print_answer(target, done, f"{model_id}: withdrawn")
    return ExitCode.OK


@click.command()
@click.argument("model_id", metavar="MODEL")
@target_options
@pass_target
def accept(target: Target, model_id: str) -> int:
    """Confirm that you read and accept the licence of a model. Needed for models that ask for it.

    \b
    Examples:
      undercroft models accept llama-3.2-3b
    """
    request = LicenceAcceptRequestEvent(model_id=model_id)
    done = with_peer(target, lambda peer: ask(peer, request)).acceptance
    print_answer(target, done, f"{model_id}: licence {done.licence} accepted by {done.accepted_by}")
    return ExitCode.OK


@click.command()
@target_options
@pass_target
def refresh(target: Target) -> int:
    """Look for a newer manifest at the URL of the profile. It is only accepted with a valid signature.

    \b
    Examples:
      undercroft models refresh
      undercroft models refresh --json
    """
    done = with_peer(target, lambda peer: ask(peer, ManifestRefreshRequestEvent(), RESOLVE_TIMEOUT_SECONDS))
    print_answer(target, done, done.message)
    return ExitCode.FAILED if done.outcome == "kept" else ExitCode.OK


COMMANDS: Final = (add, resolve, withdraw, accept, refresh)
"""`actors.cli.commands.models.models_group` adds these to its group."""


def absolute_name(name: str) -> str:
    """Make a path absolute, because the runtime has another working directory. Other names stay."""
    scheme, colon, rest = name.partition(":")
    if scheme == "file" and colon and not rest.startswith("//"):
        return f"file:{os.path.abspath(Path(rest).expanduser())}"
    if name.startswith(("./", "../", "/", "~/")) or (not colon and Path(name).exists()):
        return Path(os.path.abspath(Path(name).expanduser())).as_uri()  # a link keeps its own name
    return name


def added_lines(added: ModelAddedEvent) -> list[str]:
    """Return an added entry and the next step, for people."""
    model_id = added.entry.id
    if not added.is_new:
        outcome = "was added before, nothing changed"
    elif added.entry.accept_licence:
        outcome = f"added; read its licence, then run 'undercroft models accept {model_id}'"
    else:
        outcome = f"added; run 'undercroft models install {model_id}'"
    return [*entry_lines(added.entry, added.pinned, added.skipped), f"{model_id}: {outcome}"]


def entry_lines(entry: ModelEntry, pinned: str, skipped: list[str]) -> list[str]:
    """Return an entry for people."""
    from actors.shared.text import size_text

    url = f" ({entry.licence_url})" if entry.licence_url else ""
    due = ", has to be accepted" if entry.accept_licence else ""
    lines = [
        f"{entry.id}: {entry.name} ({entry.category}), {size_text(entry.size_bytes)}",
        f"  from     {pinned}",
        f"  licence  {entry.licence}{url}{due}",
    ]
    lines += [
        f"  file     {file.path}  {size_text(file.size_bytes)}  sha256 {file.sha256[:16]}..."
        for file in entry.files[:FILES_SHOWN]
    ]
    if len(entry.files) > FILES_SHOWN:
        lines.append(f"  and {len(entry.files) - FILES_SHOWN} more files")
    if skipped:
        lines.append(f"  left out {len(skipped)}: {'; '.join(skipped[:FILES_SHOWN])}")
    return lines


def _resolve(
    target: Target, name: str, sha256: str, size_bytes: int | None, model_id: str, category: str
) -> int:
    request = ModelNameResolveRequestEvent(
        name=absolute_name(name), sha256=sha256, size_bytes=size_bytes, model_id=model_id, category=category
    )
    found = with_peer(target, lambda peer: ask(peer, request, RESOLVE_TIMEOUT_SECONDS))
    print_answer(target, found, "\n".join(entry_lines(found.entry, found.pinned, found.skipped)))
    return ExitCode.OK
