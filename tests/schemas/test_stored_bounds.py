"""Every type that is written to a file of a home has bounds, so that no value in it can harm who reads it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import msgspec
import pytest
from msgspec import inspect

import actors
from tests.schemas.test_bounds import unbounded

PRINTED = "actors.cli."
"""Written for people and scripts, and never read back."""

NOT_IN_A_HOME = {
    "actors.runtime.child_main": "what the supervisor tells a child that it starts, on a pipe of their own",
    "actors.runtime.supervisor.processes.fork_letters": "between the supervisor and its fork server",
    "actors.diagnostics.report_facts": "what a report is made from, in memory",
    "actors.shared.profile.profile_tables": "of the app, judged as a whole before anything starts",
    "actors.shared.profile.mode_tables": "of the app, as above",
    "actors.model_sources.sources.hub_repository": "answers of a server, which are not kept",
    "actors.model_sources.sources.oci_registry": "answers of a server, as above",
    "actors.shared.credentials.auth_challenge": "answers of a server, as above",
}
"""Modules whose structs no file of a home holds, and why."""

READ_BY_THE_DOCTOR = ("actors.cli.doctor.checks.model_check",)


def all_structs() -> list[type[msgspec.Struct]]:
    """Every struct of the actors."""
    for found in pkgutil.walk_packages(actors.__path__, "actors."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    return sorted(
        {one for one in _below(msgspec.Struct) if one.__module__.startswith("actors.")},
        key=lambda one: (one.__module__, one.__qualname__),
    )


def _below(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def is_stored(kind: type[msgspec.Struct]) -> bool:
    module = kind.__module__
    return module in READ_BY_THE_DOCTOR or not (module.startswith(PRINTED) or module in NOT_IN_A_HOME)


@pytest.mark.requirement("C-5")
def test_every_field_of_every_stored_type_has_bounds() -> None:
    seen: set[type] = set()
    stored = [kind for kind in all_structs() if is_stored(kind)]
    assert [place for kind in stored for place in unbounded(inspect.type_info(kind), "", seen)] == []
    assert len(stored) > 30


def test_every_exception_is_still_one() -> None:
    modules = {kind.__module__ for kind in all_structs()}
    assert modules >= NOT_IN_A_HOME.keys()
    assert modules >= {*READ_BY_THE_DOCTOR}
