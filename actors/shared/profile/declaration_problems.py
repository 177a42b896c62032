"""Everything that is wrong with a profile as a whole, which the types of its tables cannot express. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from actors.shared.places.place_names import place_problem
from actors.shared.profile.mode_tables import mode_problems
from actors.shared.profile.profile_tables import ProfileFile
from actors.shared.profile.topic_namespaces import namespace_problems, peer_problems

ALLOWLIST_PATTERN: Final = re.compile(r"(?:\*|\w+)(?:\.(?:\*|\w+))*")


def declaration_problems(found: ProfileFile) -> Iterator[tuple[str, str]]:
    """Option and detail of each problem."""
    for at, path in enumerate(found.allowlist or []):
        if not ALLOWLIST_PATTERN.fullmatch(path):
            expected = "a dotted path such as 'vad.sensitivity' or 'vad.*'"
            yield f"allowlist[{at}]", f"expected {expected}, found {path!r}"
    for option, name in _files(found):
        if problem := place_problem(name):
            yield option, f"expected a file below the directory of the profile, found {name!r}: {problem}"
    children = [child.name for child in found.children]
    yield from peer_problems(found.peers, children)
    names = {*children, *(peer.name for peer in found.peers)}
    yield from namespace_problems(found.topics.namespaces, names)
    yield from mode_problems(found.modes)
    if found.manifest.url and not found.manifest.keys:
        yield "manifest.keys", "expected the public keys that sign the manifest at 'url', found none"


def _files(found: ProfileFile) -> Iterator[tuple[str, str]]:
    """Options that name a file of the profile, and that file."""
    references = {
        "settings": found.settings,
        "settings_migrations": found.settings_migrations,
        "documents": found.documents,
        "migrations": found.migrations,
    }
    models = [found.models] if isinstance(found.models, str) else found.models
    references |= {f"models[{at}]": name.removeprefix("bundled:") for at, name in enumerate(models)}
    for at, table in enumerate(found.namespaces):
        references[f"namespaces[{at}].schema"] = table.schema
        references |= {f"namespaces[{at}].schemas.{key}": name for key, name in table.schemas.items()}
    for option, reference in references.items():
        if reference:
            yield option, reference.partition(":")[0]
