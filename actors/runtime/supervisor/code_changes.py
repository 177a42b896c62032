"""Which children have to start again when files of an app have changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from actors.shared.profile.profile import Profile
from actors.shared.profile.profile_tables import ChildTable

DECLARATIONS: Final = ("actors.config_store:", "actors.state_store:")
MODELS: Final = ("actors.model_downloader:", "actors.model_sources:", "actors.readiness:")
PRESETS: Final = "presets"


def children_to_restart(profile: Profile, changed: Iterable[Path]) -> list[str]:
    """Names of the children that run what has changed, in the order of the profile.

    Args:
        profile: as it is now.
        changed: absolute paths.
    """
    files = set(changed)
    return [child.name for child in profile.children if any(_reads(profile, child, file) for file in files)]


def _reads(profile: Profile, child: ChildTable, file: Path) -> bool:
    if child.command:
        return any(_is_of_program(profile, script, file) for script in _scripts(profile, child))
    if child.path and file.suffix == ".py":
        return file.is_relative_to(profile.directory / child.path)
    if child.entry.startswith(MODELS):
        return file in profile.manifests
    return child.entry.startswith(DECLARATIONS) and file in _declared(profile, child)


def _scripts(profile: Profile, child: ChildTable) -> Iterator[Path]:
    """The files of the app that a command names."""
    program, *arguments = child.command
    directory = profile.directory / child.cwd
    yield from (directory / one for one in arguments if not one.startswith("-") and Path(one).suffix)
    if "/" in program:
        yield profile.directory / program


def _is_of_program(profile: Profile, script: Path, file: Path) -> bool:
    """The script itself, or a file of its kind that lies beside or below it, and is nobody else's."""
    if file == script:
        return True
    if file.suffix != script.suffix or not file.is_relative_to(script.parent):
        return False
    of_actors = (profile.directory / child.path for child in profile.children if child.path)
    is_of_an_actor = any(file.is_relative_to(path) and path != profile.directory for path in of_actors)
    return not is_of_an_actor and not any(file in _declared(profile, child) for child in profile.children)


def _declared(profile: Profile, child: ChildTable) -> set[Path]:
    """The files in which the app declares what a store keeps."""
    references = [profile.documents, profile.migrations]
    for table in profile.state_namespaces:
        references += [table.schema, *table.schemas.values()]
    if child.entry.startswith("actors.config_store:"):
        references = [profile.settings, profile.settings_migrations]
    names = {reference.partition(":")[0] for reference in references if "." in reference}
    found = {profile.directory / name for name in names}
    if child.entry.startswith("actors.config_store:"):
        found |= set((profile.directory / PRESETS).glob("*.json"))
    return found
