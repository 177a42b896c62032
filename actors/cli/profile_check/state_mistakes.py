"""What is wrong with the state of a profile: documents, namespaces, schemas of values, migrations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from actors.cli.profile_check.app_code import load_file
from actors.cli.profile_check.mistake import Mistake, at
from actors.shared.profile.profile import Profile
from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.documents.document_types import document_kinds, kinds_of_profile
from actors.state_store.engine.namespaces import Namespaces
from actors.state_store.engine.values.value_schemas import SHIPPED, schemas_of_profile
from actors.state_store.errors import DeclarationRefused

STATE_PAGE: Final = "docs/state.md has every option"


def state_mistakes(profile: Profile) -> Iterator[Mistake]:
    """Everything that is wrong with them."""
    names = {one.__name__ for one in SHIPPED}
    if profile.documents:
        declared, mistakes = _declared_documents(profile)
        yield from mistakes
        if not mistakes:
            yield from _document_mistakes(profile, declared)
            names |= _names_of(declared)
    good: list[NamespaceTable] = []
    for number, table in enumerate(profile.state_namespaces):
        try:
            Namespaces([*good, table])
        except DeclarationRefused as error:
            yield at(profile.file, f"namespaces[{number}].name", error.problem, "choose another name")
        else:
            good.append(table)
    yield from _schema_mistakes(profile, names)
    if profile.migrations:
        yield from _migration_mistakes(profile, names)


def _declared_documents(profile: Profile) -> tuple[Any, list[Mistake]]:
    if not profile.documents.endswith(".json"):
        return load_file(profile, "documents", profile.documents)
    try:
        return {name: kind.schema.json_schema() for name, kind in kinds_of_profile(profile).items()}, []
    except DeclarationRefused as error:
        cure = 'write it as {"Name": {...}}, each with defaults'
        return None, [at(profile.file, error.option, error.problem, cure)]


def _document_mistakes(profile: Profile, declared: Any) -> Iterator[Mistake]:
    """Each type alone first, so that one wrong type hides no other; then all together."""
    file = profile.directory / profile.documents.rpartition(":")[0]
    parts: list[Any] = [declared]
    if isinstance(declared, Mapping):
        parts = [{name: one} for name, one in declared.items()] or [declared]
    elif isinstance(declared, Sequence) and not isinstance(declared, str):
        parts = [[one] for one in declared]
    wrong = False
    for part in [*parts, declared]:
        if wrong and part is declared:
            return
        try:
            document_kinds(part)
        except DeclarationRefused as error:
            wrong = True
            yield at(file, error.option, error.problem, "every type is a pydantic model with defaults")


def _names_of(declared: Any) -> set[str]:
    try:
        return set(document_kinds(declared))
    except DeclarationRefused:
        return set()


def _schema_mistakes(profile: Profile, names: set[str]) -> Iterator[Mistake]:
    for number, table in enumerate(profile.state_namespaces):
        references = {"schema": table.schema} | {f"schemas.{key}": one for key, one in table.schemas.items()}
        for option, reference in references.items():
            if not reference or reference in names:
                continue
            place = f"namespaces[{number}].{option}"
            if ".py:" in reference:
                _, mistakes = load_file(profile, place, reference)
                if mistakes:
                    yield from mistakes
                    continue
            only = msgspec.structs.replace(table, schema=reference, schemas={})
            try:
                schemas_of_profile(replace(profile, state_namespaces=(only,), migrations=""))
            except DeclarationRefused as error:
                yield at(profile.file, place, f"{reference}: {error.problem}", STATE_PAGE)
            else:
                names.add(reference)


def _migration_mistakes(profile: Profile, names: set[str]) -> Iterator[Mistake]:
    table, mistakes = load_file(profile, "migrations", profile.migrations)
    yield from mistakes
    if mistakes:
        return
    file, _, name = profile.migrations.rpartition(":")
    if not isinstance(table, Mapping):
        problem = f"expected a mapping of schema names to lists of functions, found {type(table).__name__}"
        yield at(profile.directory / file, name, problem, STATE_PAGE)
        return
    for schema, chain in table.items():
        if not isinstance(chain, Sequence) or not all(callable(step) for step in chain):
            problem = f"{schema!r}: expected a list of functions, found {chain!r}"
            yield at(profile.directory / file, name, problem, "write it as [from_1_to_2, from_2_to_3]")
        elif schema not in names:
            problem = f"{schema!r} is the name of no schema; there are {', '.join(sorted(names))}"
            yield at(profile.directory / file, name, problem, "name a schema as its namespace does")
