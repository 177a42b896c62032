"""Keys and files: one to one, on every file system, and never outside the store."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.state_store.engine import key_paths
from actors.state_store.errors import KeyRefused

RESTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=160).map(
    lambda text: unicodedata.normalize("NFC", text)
)
KEYS = (
    st.tuples(st.sampled_from(["layout", "settings", "history", "config", "notes", "con"]), RESTS)
    .map(".".join)
    .filter(lambda key: len(key.encode()) <= 512)
)


def located(key: str) -> tuple[str, str, str]:
    *directories, name = key_paths.path_of(key).split("/")
    return key_paths.namespace_of(key), directories[1] if len(directories) > 1 else "", name


@pytest.mark.requirement("S3-2")
@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("layout.default", "layouts/default.json"),
        ("layout.workspace-1", "layouts/workspace-1.json"),
        ("settings.preferences", "settings/preferences.json"),
        ("history.conversations.today", "history/conversations/today.json"),
        ("history.contexts.a.b", "history/contexts/a.b.json"),
        ("history.index", "history/index.json"),
        ("history.conversations", "history/conversations.json"),
        ("config.app", "config/app.json"),
        ("notes.My Note", "notes/=my%20=note.json"),
        ("document.MarksData", "documents/MarksData.json"),
    ],
)
def test_the_prefix_chooses_the_directory_and_the_rest_names_the_file(key: str, path: str) -> None:
    assert key_paths.path_of(key) == path


@given(KEYS)
def test_every_file_name_gives_its_key_or_says_that_it_is_cut(key: str) -> None:
    namespace, division, name = located(key)
    assert key_paths.key_of(namespace, division, name) == (None if key_paths.is_cut(name) else key)


@given(KEYS, KEYS)
def test_two_keys_never_share_a_file_even_where_case_and_unicode_forms_do_not_count(
    one: str, other: str
) -> None:
    def folded(path: str) -> str:
        return unicodedata.normalize("NFKC", path).casefold()

    assert (folded(key_paths.path_of(one)) == folded(key_paths.path_of(other))) == (one == other)


@given(KEYS)
def test_a_path_stays_in_its_directory_and_is_a_name_that_every_platform_holds(key: str) -> None:
    *directories, name = key_paths.path_of(key).split("/")
    assert "/".join(directories) in (
        "layouts",
        "settings",
        "history",
        "history/conversations",
        "history/contexts",
        "config",
        "notes",
        "con",
    )
    assert re.fullmatch(r"[a-z0-9_.=%~-]+\.json", name)
    assert not name.startswith(".")
    assert len(name) <= key_paths.NAME_LIMIT + len(key_paths.SUFFIX)
    assert not key_paths.is_device(name)


@given(st.text(max_size=60))
def test_a_name_that_no_key_has_is_nobodys(name: str) -> None:
    for namespace, division in (("layout", ""), ("history", "contexts"), ("document", "")):
        key = key_paths.key_of(namespace, division, name)
        assert (
            key is None or key_paths.path_of(key) == f"{key_paths.directory_of(namespace, division)}/{name}"
        )


@given(st.text(max_size=700))
def test_what_is_no_key_is_refused_and_what_is_one_stays_the_same(text: str) -> None:
    try:
        key = key_paths.parse_key(text)
    except KeyRefused as refused:
        assert refused.key == text
    else:
        assert key_paths.parse_key(key) == key == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("name", ["con", "CON", "nul.txt", "lpt9", "aux.a.b"])
def test_the_devices_of_windows_are_no_names_of_files(name: str) -> None:
    file = key_paths.path_of(f"notes.{name}").split("/")[1]
    assert not key_paths.is_device(file)
    assert key_paths.key_of("notes", "", file) == f"notes.{name}"


@pytest.mark.parametrize(
    "rest",
    [
        "../../etc/passwd",
        "..",
        ".",
        "a/../b",
        "\\\\server\\share",
        "C:",
        ".hidden",
        "a.tmp",
        "x.json.corrupt",
    ],
)
def test_nothing_leads_out_of_the_directory(rest: str) -> None:
    path = key_paths.path_of(f"layout.{rest}")
    assert path.count("/") == 1
    assert not path.split("/")[1].startswith(".")
    assert path.endswith(".json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "layout",
        "layout.",
        ".x",
        "Layout.x",
        "layout.a\x00b",
        "layout.\n",
        "1a.b",
        "layout." + "x" * 600,
        "lay out.x",
        "\ud800.a",
    ],
)
def test_what_cannot_be_a_key_is_refused_by_name(text: str) -> None:
    with pytest.raises(KeyRefused, match="is not a key"):
        key_paths.parse_key(text)


def test_both_unicode_forms_of_a_name_are_one_key() -> None:
    assert (
        key_paths.parse_key("layout.cafe\u0301")
        == key_paths.parse_key("layout.caf\u00e9")
        == "layout.caf\u00e9"
    )


def test_a_long_key_has_a_cut_name_of_its_own() -> None:
    one, other = (f"notes.{'x' * 400}{end}" for end in "ab")
    assert key_paths.path_of(one) != key_paths.path_of(other)
    assert key_paths.is_cut(key_paths.path_of(one))


@pytest.mark.requirement("S3-10")
def test_a_former_value_is_kept_under_key_time_and_revision() -> None:
    assert (
        key_paths.former_path("layout.default", 7, 1759708800.0)
        == "backups/auto/layout.default@20251006T000000Z-r7.json"
    )
    assert len(key_paths.former_path("notes." + "é" * 200, 2**40, 0.0).split("/")[-1]) < 255


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("MarksData", True),
        ("a", True),
        ("Con", False),
        ("A-B", False),
        ("1A", False),
        ("", False),
        ("A" * 101, False),
    ],
)
def test_a_type_of_documents_has_a_name_that_is_one_of_a_file(name: str, good: bool) -> None:
    assert key_paths.is_type_name(name) is good


@pytest.mark.parametrize(
    "rest",
    ["../x", "../../config/config", "/etc/x", "a/b", "a.b", "A\n", "", "con", ".", "..", "a" * 101, "é"],
)
def test_a_document_of_another_name_than_a_type_has_no_file(rest: str) -> None:
    with pytest.raises(KeyRefused):
        key_paths.path_of(f"{key_paths.DOCUMENTS}.{rest}")
    with pytest.raises(KeyRefused):
        key_paths.parse_key(f"{key_paths.DOCUMENTS}.{rest}")
