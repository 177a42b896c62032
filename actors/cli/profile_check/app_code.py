"""Imports the Python of an app to judge it. It may do anything: this runs in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actors.cli.profile_check.mistake import Mistake, at
from actors.runtime.child_main import EntryRefused, import_entry
from actors.shared.profile.profile import Profile, ProfileError

DEPENDENCY_CURE = (
    "install it into the environment of Undercroft (docs/actors.md says where dependencies go), or correct "
    "the import"
)


def load_file(profile: Profile, option: str, reference: str) -> tuple[Any, list[Mistake]]:
    """What `file.py:NAME` in an option names, and what is wrong with it."""
    name, _, attribute = reference.rpartition(":")
    path = profile.directory / name
    if not path.is_file():
        problem = f"there is no file {name!r} in {profile.directory}"
        return None, [at(profile.file, option, problem, f"create it, or correct {option!r}")]
    try:
        found = profile.load(reference)
    except (Exception, SystemExit) as error:
        cause = error.__cause__ if isinstance(error, ProfileError) and error.__cause__ else error
        return None, [at(path, "", import_words(cause), import_cure(cause))]
    if found is None:
        problem = f"{name} has no {attribute!r}"
        return None, [at(profile.file, option, problem, f"define it there, or correct {option!r}")]
    return found, []


def entry_mistake(profile: Profile, child: str, entry: str, path: Path | None) -> Mistake | None:
    """Why the entry of an actor cannot be used; None if it can."""
    place = f"children.{child}.entry"
    with _modules_of(path):
        try:
            import_entry(entry, str(path) if path else "")
        except EntryRefused as error:
            module, _, function = entry.partition(":")
            cure = f"define {function!r} in {module}, or correct the entry"
            if "no module" in error.detail:
                where = f"into {path}" if path else "into a directory of the app, name that in 'path'"
                cure = f"put {module.replace('.', '/')}.py {where}, or correct the entry"
            return at(profile.file, place, error.detail, cure)
        except (Exception, SystemExit) as error:
            problem = f"{entry.partition(':')[0]} cannot be imported: {import_words(error)}"
            return at(profile.file, place, problem, import_cure(error))
    return None


def import_words(error: BaseException) -> str:
    """Why a module cannot be imported."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__} in line {error.lineno}: {error.msg}"
    words = f"{type(error).__name__}: {error}"
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    own = [(name, line) for name, line in frames if "importlib" not in name and name != __file__]
    if own and own[-1][0].endswith(".py"):
        words += f" ({Path(own[-1][0]).name}, line {own[-1][1]})"
    return words


def import_cure(error: BaseException) -> str:
    """What to do about it."""
    if isinstance(error, ModuleNotFoundError):
        return DEPENDENCY_CURE
    return "correct the file; 'undercroft run-actor NAME' shows the whole traceback of an actor"


@contextmanager
def _modules_of(path: Path | None) -> Iterator[None]:
    """Forget afterwards what was imported from a directory: another child may have modules of these names."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if path is not None and file and Path(file).is_relative_to(path):
                del sys.modules[name]
