"""Who may touch which keys, and what a profile may declare about them."""

from __future__ import annotations

import pytest

from actors.shared.profile.profile_tables import NamespaceTable
from actors.state_store.engine.namespaces import MIB, Namespaces
from actors.state_store.errors import AccessDenied, DeclarationRefused, KeyRefused

pytestmark = pytest.mark.requirement("S3-24")


@pytest.mark.parametrize(
    ("table", "reads", "writes"),
    [
        (NamespaceTable(name="n"), ["eve", "owner"], ["eve", "owner"]),
        (NamespaceTable(name="n", owner="owner"), ["owner"], ["owner"]),
        (NamespaceTable(name="n", owner="owner", readers=["*"]), ["eve", "owner"], ["owner"]),
        (
            NamespaceTable(name="n", owner="owner", readers=[], writers=["client-*"]),
            ["owner"],
            ["client-7", "owner"],
        ),
        (NamespaceTable(name="n", readers=["alice"]), ["alice"], ["eve", "alice", "owner"]),
    ],
)
def test_owner_readers_and_writers_are_who_may(
    table: NamespaceTable, reads: list[str], writes: list[str]
) -> None:
    namespace = Namespaces([table]).of("n.x")
    everybody = {"eve", "alice", "owner", "client-7"}
    assert {peer for peer in everybody if namespace.may("read", peer)} >= set(reads)
    assert {peer for peer in everybody if namespace.may("write", peer)} >= set(writes)
    if "eve" not in reads:
        assert not namespace.may("read", "eve")
    if "eve" not in writes:
        assert not namespace.may("write", "eve")


def test_a_refusal_says_who_may() -> None:
    with pytest.raises(AccessDenied, match=r"n\.x: 'eve' may not write it, 'owner' may") as caught:
        Namespaces([NamespaceTable(name="n", owner="owner")]).check("write", "n.x", "eve")
    assert (caught.value.peer, caught.value.verb) == ("eve", "write")


def test_the_namespaces_of_the_design_are_everybodys_until_declared_otherwise() -> None:
    shipped = Namespaces()
    assert [namespace.name for namespace in shipped] == [
        "layout",
        "settings",
        "history",
        "config",
        "document",
    ]
    assert shipped.check("write", "layout.default", "anybody").schema_for("default") == "GridLayoutState"
    assert shipped.readable("anybody") == ["config", "history", "layout", "settings"]
    declared = Namespaces([NamespaceTable(name="layout", owner="grid", quota_mib=2)])
    assert declared.of("layout.x").schema_for("x") == "GridLayoutState", (
        "what is declared of access leaves the schema"
    )
    assert declared.of("layout.x").quota_bytes == 2 * MIB
    assert declared.readable("anybody") == ["config", "history", "settings"]


@pytest.mark.requirement("S3-14", "S3-15", "S3-16")
@pytest.mark.parametrize(
    ("key", "schema"),
    [
        ("layout.mobile", "GridLayoutState"),
        ("settings.preferences", "UserPreferencesState"),
        ("settings.themes", ""),
        ("history.conversations.today", "ConversationHistoryState"),
        ("history.contexts.x", ""),
        ("config.app", ""),
    ],
)
def test_the_shipped_schemas_hold_for_the_keys_of_the_design(key: str, schema: str) -> None:
    assert Namespaces().of(key).schema_for(key.partition(".")[2]) == schema


def test_the_first_pattern_that_fits_chooses_the_schema() -> None:
    table = NamespaceTable(name="n", schema="all.json", schemas={"special": "one.json", "s*": "some.json"})
    namespace = Namespaces([table]).of("n.x")
    assert [namespace.schema_for(rest) for rest in ("special", "sun", "other")] == [
        "one.json",
        "some.json",
        "all.json",
    ]


@pytest.mark.parametrize("names", [["a", "a"], ["layouts"], ["backups"], ["con"], ["lpt1"]])
def test_a_name_that_is_taken_or_no_directory_is_refused(names: list[str]) -> None:
    with pytest.raises(DeclarationRefused, match=rf"namespaces\[{len(names) - 1}\]"):
        Namespaces([NamespaceTable(name=name) for name in names])


def test_typed_documents_are_not_touched_by_key() -> None:
    with pytest.raises(KeyRefused, match="by their type"):
        Namespaces().check("read", "document.MarksData", "anybody")
    owned = Namespaces([NamespaceTable(name="document", owner="app")])
    with pytest.raises(AccessDenied):
        owned.check_any("read", "document.MarksData", "eve")
    assert owned.check_any("read", "document.MarksData", "app").owner == "app"


def test_a_namespace_that_nobody_declared_is_no_namespace() -> None:
    with pytest.raises(KeyRefused, match="expected one of config, history, layout, settings"):
        Namespaces().of("other.x")
