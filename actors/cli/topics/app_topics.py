"""Finds the events that the code of an app declares. It imports that code: run it in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from actors.cli.topics.topic_catalogue import TopicInfo, info_of
from actors.runtime.child_main import import_entry
from actors.runtime.frozen_program import interpreter_command
from actors.shared.profile.profile import Profile, read_profile
from schemas.event import Event, Request

MODULE: Final = "actors.cli.topics.app_topics"
LIMIT_SECONDS: Final = 60.0


def app_topics(directory: Path, limit_seconds: float = LIMIT_SECONDS) -> tuple[list[TopicInfo], str]:
    """The topics that the code of a profile declares, and why some may be missing; empty if none are."""
    command = interpreter_command(MODULE, str(directory))
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_seconds, check=False
        )
        return msgspec.json.decode(done.stdout, type=list[TopicInfo]), ""
    except OSError as error:
        return [], f"no process to import its Python in: {error.strerror}"
    except subprocess.TimeoutExpired:
        return [], f"its Python was not imported within {limit_seconds:g} s"
    except msgspec.DecodeError:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return [], words[-1] if words else f"exit code {done.returncode}"


def declared_topics(profile: Profile) -> Iterator[TopicInfo]:
    """The topics of all event types in modules of the app, each once."""
    for child in profile.children:
        if child.entry and child.path:
            try:
                import_entry(child.entry, str(profile.directory / child.path))
            except (Exception, SystemExit) as error:  # 'undercroft check' says what is wrong with it
                print(f"{child.name}: {error}", file=sys.stderr)
    for kind in _all_subclasses(Event):
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        if file and Path(file).resolve().is_relative_to(profile.directory.resolve()):
            try:
                yield info_of(kind, "app")
            except TypeError:
                continue  # a base of events, without a topic


def _all_subclasses(kind: type[Event]) -> Iterator[type[Event]]:
    for found in kind.__subclasses__():
        if found is not Request:
            yield found
        yield from _all_subclasses(found)


def main() -> None:
    """Print the topics of the profile that the command line names."""
    verdict = os.dup(1)
    os.dup2(2, 1)  # what code of the app prints is no answer
    found = {one.topic: one for one in declared_topics(read_profile(Path(sys.argv[1])))}
    with os.fdopen(verdict, "wb") as stream:
        stream.write(msgspec.json.encode([found[topic] for topic in sorted(found)]))
    os._exit(0)  # code of the app may have left threads behind


if __name__ == "__main__":
    main()
