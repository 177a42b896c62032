"""What is wrong with the children of a profile: options, order, entries, commands."""

from __future__ import annotations

import difflib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from actors.cli.profile_check.app_code import entry_mistake
from actors.cli.profile_check.mistake import Mistake, at
from actors.cli.profile_check.table_mistakes import STAND_IN
from actors.runtime.supervisor.core.child_spec import ENTRY_PATTERN, ChildSpec, SpecError, start_order
from actors.runtime.supervisor.profile_children import BROKER_SPEC, spec_of
from actors.shared.profile.profile import Profile, ProfileError
from actors.shared.profile.profile_tables import ChildTable

SCRIPT_SUFFIXES: Final = (".js", ".mjs", ".cjs", ".ts", ".py", ".sh", ".rb", ".pl", ".jar")
PLACEHOLDERS: Final = ("profile", "home", "python")
BRACES: Final = re.compile(r"\{([a-z]+)\}")
TABLES_PAGE: Final = "docs/profiles.md has the fields of a child, and their limits"


def child_mistakes(profile: Profile) -> Iterator[Mistake]:
    """Everything that is wrong with them."""
    specs: list[ChildSpec] = []
    for table in profile.children:
        spec, mistakes = _spec_of(profile, table)
        yield from (one for one in mistakes if STAND_IN not in f"{one}")
        if spec is not None:
            specs.append(spec)
    yield from (one for one in _order_mistakes(profile, specs) if STAND_IN not in f"{one}")
    for table in profile.children:
        if ENTRY_PATTERN.fullmatch(table.entry) and not table.command:
            path = profile.directory / table.path if table.path else None
            if path is not None and not path.is_dir():
                problem = f"there is no directory {table.path!r} in {profile.directory}"
                place = f"children.{table.name}.path"
                yield at(profile.file, place, problem, "create it, or correct 'path'")
            elif mistake := entry_mistake(profile, table.name, table.entry, path):
                yield mistake
    for spec in specs:
        if spec.command:
            yield from _command_mistakes(profile, spec)


def _spec_of(profile: Profile, table: ChildTable) -> tuple[ChildSpec | None, list[Mistake]]:
    """The spec with defaults in the place of wrong options, and what is wrong with these."""
    mistakes: list[Mistake] = []
    defaults = {one.name: one.default for one in msgspec.structs.fields(ChildTable) if not one.required}
    for _ in range(len(defaults)):
        try:
            return spec_of(profile, table), mistakes
        except SpecError as error:
            place = f"children.{error.child}.{error.option}"
            mistakes.append(at(profile.file, place, error.detail, TABLES_PAGE))
            if error.option not in defaults or error.option in ("entry", "command"):
                return None, mistakes
            default = {"environment": {}, "depends_on": []}.get(error.option, defaults[error.option])
            table = msgspec.structs.replace(table, **{error.option: default})
        except ProfileError as error:
            mistakes.append(at(error.file, error.option, error.detail, "Undercroft's names stay its own"))
            table = msgspec.structs.replace(table, path="")
    return None, mistakes


def _order_mistakes(profile: Profile, specs: list[ChildSpec]) -> Iterator[Mistake]:
    """Names that are taken twice, and dependencies that are unknown or form a circle."""
    rest = [BROKER_SPEC, *specs]
    for _ in range(len(specs) * 4):
        try:
            start_order(rest)
        except SpecError as error:
            place = f"children.{error.child}.{error.option}"
            if error.option == "name":
                yield at(profile.file, place, error.detail, "rename one of them")
                first = next(spec for spec in rest if spec.name == error.child)
                rest = [spec for spec in rest if spec.name != error.child or spec is first]
            else:
                yield at(profile.file, place, error.detail, "correct 'depends_on'")
                names = {spec.name for spec in rest}
                rest = [_freed(spec, names) if spec.name == error.child else spec for spec in rest]
        else:
            return


def _freed(spec: ChildSpec, names: set[str]) -> ChildSpec:
    """The spec without the first of its unknown dependencies; if it has none, without all of them."""
    unknown = [name for name in spec.depends_on if name not in names]
    return replace(spec, depends_on=tuple(name for name in spec.depends_on if unknown and name != unknown[0]))


def _command_mistakes(profile: Profile, spec: ChildSpec) -> Iterator[Mistake]:
    place = f"children.{spec.name}.command"
    program, *arguments = spec.command
    directory = spec.directory or profile.directory
    yield from _nearly_placeholders(profile, spec)
    if not _is_of_a_home(str(directory)) and not directory.is_dir():
        problem = f"{directory}: there is no such directory"
        yield at(profile.file, f"children.{spec.name}.cwd", problem, "create it", blocks=False)
        return
    if _is_of_a_home(program):
        return
    if problem := program_problem(program, {**os.environ, **spec.environment}):
        cure = "install it, correct the command, or give its whole path"
        yield at(profile.file, place, problem, cure, blocks=False)
    script = next((one for one in arguments if not one.startswith("-")), "")
    is_known_here = not _is_of_a_home(str(directory / script))
    if script.endswith(SCRIPT_SUFFIXES) and is_known_here and not (directory / script).is_file():
        problem = f"there is no file {script!r} in {directory}"
        yield at(profile.file, place, problem, "create it, or correct the command", blocks=False)


def _is_of_a_home(path: str) -> bool:
    """Whether it depends on the home of a runtime, which nobody knows yet."""
    return "{home}" in path


def _nearly_placeholders(profile: Profile, spec: ChildSpec) -> Iterator[Mistake]:
    for option, texts in (("command", spec.command), ("environment", spec.environment.values())):
        for text in texts:
            for name in BRACES.findall(text):
                near = difflib.get_close_matches(name, PLACEHOLDERS, 1, 0.7)
                if near and name not in PLACEHOLDERS:
                    place = f"children.{spec.name}.{option}"
                    problem = f"'{{{name}}}' stands for nothing, and is left as it is"
                    yield at(profile.file, place, problem, f"write '{{{near[0]}}}'", blocks=False)


def program_problem(program: str, environment: dict[str, str]) -> str:
    """Why a program cannot be run on this machine; empty if it can."""
    if os.sep in program or "/" in program:
        if not Path(program).is_file():
            return f"there is no program {program}"
        return "" if os.access(program, os.X_OK) else f"{program} is not executable"
    if shutil.which(program, path=environment.get("PATH")):
        return ""
    return f"there is no program {program!r} in PATH"
