"""Documents, namespaces and migrations: one wrong declaration hides no other."""

from __future__ import annotations

import json
from pathlib import Path

from actors.cli.profile_check.state_mistakes import state_mistakes
from actors.shared.profile.profile import read_profile
from tests.support.profiles import write_profile

DOCUMENTS = """
from pydantic import BaseModel

class Good(BaseModel):
    a: int = 1

class First(BaseModel):
    a: int

class Second(BaseModel):
    b: int

DOCUMENTS = [Good, First, Second]
"""


def found_in(directory: Path, tables: str = "", documents: str = "", **files: str) -> list[str]:
    top = {"documents": "documents.py:DOCUMENTS"} if documents else {}
    if "migrations" in files:
        top["migrations"] = "migrations.py:MIGRATIONS"
    modules = {f"{name}.py": content for name, content in files.items()} | {"documents.py": documents}
    profile = read_profile(write_profile(directory, top=top, tables=tables, modules=modules))
    return [f"{mistake.place}: {mistake.problem}" for mistake in state_mistakes(profile)]


def test_every_document_without_defaults_is_named(tmp_path: Path) -> None:
    assert [place.partition(":")[0] for place in found_in(tmp_path, documents=DOCUMENTS)] == [
        "documents.First",
        "documents.Second",
    ]


def test_documents_that_are_no_list_are_named(tmp_path: Path) -> None:
    assert found_in(tmp_path, documents="DOCUMENTS = 3") == [
        "documents: expected a list or a mapping, found int"
    ]


def test_every_namespace_is_looked_at(tmp_path: Path) -> None:
    tables = """
        [[namespaces]]
        name = "notes"
        schema = "notes.json"
        [[namespaces]]
        name = "notes"
        schema = "Nope"
        [[namespaces]]
        name = "con"
        schema = "notes.py:Note"
        schemas = { a = "GridLayoutState", b = "notes.py:Missing" }
    """
    note = "from pydantic import BaseModel\nclass Note(BaseModel):\n    a: int = 1"
    found = found_in(tmp_path, tables, notes=note)
    assert [one.partition(":")[0] for one in found] == [
        "namespaces[1].name",
        "namespaces[2].name",
        "namespaces[0].schema",
        "namespaces[1].schema",
        "namespaces[2].schemas.b",
    ]


def test_migrations_name_schemas_and_functions(tmp_path: Path) -> None:
    migrations = "MIGRATIONS = {'Good': [dict], 'Nope': [dict], 'GridLayoutState': [1]}"
    found = found_in(tmp_path, documents=DOCUMENTS.replace("int\n", "int = 1\n"), migrations=migrations)
    assert [one.partition(" is ")[0].partition(": expected")[0] for one in found] == [
        "MIGRATIONS: 'Nope'",
        "MIGRATIONS: 'GridLayoutState'",
    ]
    assert "expected a mapping" in found_in(tmp_path, migrations="MIGRATIONS = 3")[0]


def test_documents_as_json_are_looked_at(tmp_path: Path) -> None:
    top = {"documents": "documents.json"}
    wrong = {"A": {"type": "integer"}, "B": {"type": "object"}}
    for content, count in ((wrong, 1), ({"B": {"type": "object"}}, 0)):
        write_profile(tmp_path, top=top, modules={"documents.json": json.dumps(content)})
        assert len(list(state_mistakes(read_profile(tmp_path)))) == count
