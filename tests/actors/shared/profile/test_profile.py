"""A profile is read whole, or the error names file and option, what was expected and what was found."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.profile.profile import BUNDLED_DIRECTORY, ProfileError, find_profile, read_profile

WHOLE = """
name = "mine"
title = "My App"
settings = "settings.py:Settings"
models = "models.json"
allowlist = ["vad.*", "ui.theme"]
[topics]
namespaces = ["mine.*"]
[[children]]
name = "worker"
entry = "mine.worker:build"
path = "."
depends_on = ["config_store"]
memory_limit_mib = 200
environment = { LEVEL = "debug" }
[[children]]
name = "sidecar"
command = ["node", "sidecar.js"]
ready = "hello"
"""


def write(directory: Path, text: str) -> Path:
    (directory / "profile.toml").write_text(text, encoding="utf-8")
    return directory


def test_a_profile_is_read_whole(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, WHOLE))
    assert (profile.name, profile.title, profile.models) == ("mine", "My App", tmp_path / "models.json")
    assert profile.allowlist == ("vad.*", "ui.theme")
    assert profile.namespaces == ("mine.*",)
    assert [child.name for child in profile.children] == ["worker", "sidecar"]
    assert profile.children[0].memory_limit_mib == 200


def test_everything_but_the_name_may_be_left_out(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, 'name = "bare"'))
    assert (profile.title, profile.allowlist, profile.models, profile.children) == ("bare", None, None, ())


OWNED = """
name = "mine"
[topics]
namespaces = ["mine.*", { namespace = "mine.engine.*", peers = ["engine", "frontend"] }]
[[children]]
name = "engine"
command = ["engine"]
reveal_secrets = true
[[peers]]
name = "frontend"
[[peers]]
name = "Admin.tool-1"
reveal_secrets = true
"""


def test_namespaces_of_certain_peers_and_peers_that_are_no_children(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, OWNED))
    assert profile.namespaces == ("mine.*", "mine.engine.*")
    assert profile.namespace_owners == {"mine.engine.*": ("engine", "frontend")}
    assert [peer.name for peer in profile.peers] == ["frontend", "Admin.tool-1"]
    assert profile.secret_readers == {"engine", "Admin.tool-1"}


@pytest.mark.parametrize(
    ("text", "option", "words"),
    [
        ("", "", "missing required field 'name'"),
        ("name = 7", "name", "expected 'str', found 'int'"),
        ('name = "a"\nchildern = []', "", "unknown field 'childern'"),
        ('name = "a"\nallowlist = ["vad..x"]', "allowlist[0]", "found 'vad..x'"),
        ('name = "a"\nsettings = "settings"', "settings", "such as"),
        ('name = "a"\n[topics]\nnamespaces = ["*"]', "topics.namespaces[0]", "found '*'"),
        (
            'name = "a"\n[[children]]\nname = "x"\ncommand = "ls"',
            "children[0].command",
            "expected 'array', found 'str'",
        ),
        ('name = "a"\n[[children]]\nname = "x"\nrestart = "often"', "children[0].restart", "'often'"),
        ('name = "a"\n[[peers]]\nname = "a b"', "peers[0].name", "such as"),
        ('name = "a"\n[[peers]]\nname = "broker"', "peers[0].name", "a name of the runtime itself"),
        ('name = "a"\n[[peers]]\nname = "x"\n[[peers]]\nname = "x"', "peers[1].name", "found two peers"),
        ('name = "a"\n[[peers]]\ncredential = "x"', "peers[0]", "unknown field 'credential'"),
        ('name = "a"\n[topics]\nnamespaces = [7]', "topics.namespaces[0]", "found 'int'"),
        (
            'name = "a"\n[topics]\nnamespaces = [{ namespace = "a.*", peers = [] }]',
            "topics.namespaces[0].peers",
            "length >= 1",
        ),
        (
            'name = "a"\n[topics]\nnamespaces = ["a.*", { namespace = "a.b.*", peers = ["x"] }]',
            "topics.namespaces[1].peers[0]",
            "expected the name of one of [[children]] or [[peers]], found 'x'",
        ),
        ("name = ", "", "expected TOML"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, text: str, option: str, words: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile(write(tmp_path, text))
    assert caught.value.file == str(tmp_path / "profile.toml")
    assert caught.value.option == option
    assert words in caught.value.detail
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


MODES = """
name = "a"
[readiness]
banner_after_ms = 500
toast = false
locale = "de"
[readiness.categories.stt]
model = "tiny"
setting = "stt.model_id"
[[modes]]
name = "dictation"
requires = ["stt"]
optional = [{ category = "llm", notice = "raw_output", bundled = true }]
enabled_by = "dictation.enabled"
[wording.en]
toast = "Go."
"""


@pytest.mark.requirement("S1-3", "S1-4", "S1-6")
def test_modes_readiness_and_wording_are_declared(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, MODES))
    (mode,) = profile.modes
    assert (mode.name, mode.requires, mode.optional[0].notice, mode.enabled_by) == (
        "dictation",
        ["stt"],
        "raw_output",
        "dictation.enabled",
    )
    assert (profile.readiness.banner_after_ms, profile.readiness.toast, profile.readiness.locale) == (
        500,
        False,
        "de",
    )
    assert profile.readiness.categories["stt"].model == "tiny"
    assert profile.wording == {"en": {"toast": "Go."}}


def test_the_banner_waits_three_seconds_unless_the_profile_says_otherwise(tmp_path: Path) -> None:
    assert read_profile(write(tmp_path, 'name = "bare"')).readiness.banner_after_ms == 3000


@pytest.mark.parametrize(
    ("text", "option", "words"),
    [
        ('[[modes]]\nname = "x"\n[[modes]]\nname = "x"', "modes[1].name", "found 'x' twice"),
        ('[[modes]]\nname = "X"', "modes[0].name", "such as"),
        (
            '[[modes]]\nname = "x"\nrequires = ["a"]\noptional = [{ category = "a", notice = "n" }]',
            "modes[0].optional",
            "found 'a'",
        ),
        ("[readiness]\nbanner_after_ms = -1", "readiness.banner_after_ms", ">= 0"),
        ("[readiness]\nbanner = 1", "readiness", "unknown field 'banner'"),
    ],
)
def test_a_wrong_mode_is_named(tmp_path: Path, text: str, option: str, words: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile(write(tmp_path, f'name = "a"\n{text}'))
    assert caught.value.option == option
    assert words in caught.value.detail


@given(st.text())
def test_no_text_raises_anything_but_a_profile_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    directory = tmp_path_factory.mktemp("profile")
    (directory / "profile.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ProfileError):
        read_profile(directory)


def test_a_bundled_profile_is_found_by_name_and_any_by_path(tmp_path: Path) -> None:
    assert find_profile("dictation").parent.name == "profiles"
    assert find_profile(str(write(tmp_path, 'name = "a"'))) == tmp_path
    with pytest.raises(ProfileError, match="or one of dictation"):
        find_profile("dictatoin")


def test_the_settings_model_is_imported_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(
        "from __future__ import annotations\nfrom pydantic import BaseModel\n"
        "class Settings(BaseModel):\n    size: int = 3\n",
        encoding="utf-8",
    )
    model = read_profile(write(tmp_path, 'name = "a"\nsettings = "settings.py:Settings"')).load_settings()
    assert model().model_dump() == {"size": 3}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
        ("class Settings: pass", "expected a pydantic model"),
        ("", "expected a pydantic model, found None"),
        (None, "cannot be imported: FileNotFoundError"),
    ],
)
def test_settings_that_are_no_model_are_refused(tmp_path: Path, source: str | None, words: str) -> None:
    if source is not None:
        (tmp_path / "settings.py").write_text(source, encoding="utf-8")
    profile = read_profile(write(tmp_path, 'name = "a"\nsettings = "settings.py:Settings"'))
    with pytest.raises(ProfileError, match=words):
        profile.load_settings()


STATE = """
name = "mine"
documents = "documents.py:DOCUMENTS"
migrations = "documents.py:MIGRATIONS"
[state]
quota_mib = 64
cache_seconds = 10
[[namespaces]]
name = "notes"
owner = "notebook"
readers = ["client-*"]
encrypt = true
schema = "notes.json"
quota_mib = 8
"""


@pytest.mark.requirement("S3-23", "S3-24", "S2-6")
def test_a_profile_declares_namespaces_documents_and_limits_of_the_state_store(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, STATE))
    (notes,) = profile.state_namespaces
    assert (notes.owner, notes.readers, notes.writers) == ("notebook", ["client-*"], None)
    assert (notes.encrypt, notes.compress, notes.quota_mib) == (True, False, 8)
    assert (profile.state.quota_mib, profile.state.cache_seconds) == (64, 10)
    assert (profile.documents, profile.migrations) == ("documents.py:DOCUMENTS", "documents.py:MIGRATIONS")


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ('[[namespaces]]\nname = "../up"', "namespaces[0].name"),
        ("[state]\nquota_mib = -1", "state.quota_mib"),
        ('documents = "documents.txt"', "documents"),
    ],
)
def test_an_option_of_the_state_store_that_makes_no_sense_is_named(
    tmp_path: Path, line: str, option: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile(write(tmp_path, f'name = "mine"\n{line}'))
    assert caught.value.option == option


def test_what_a_file_of_the_profile_names_is_imported(tmp_path: Path) -> None:
    (tmp_path / "documents.py").write_text("DOCUMENTS = ['a']")
    profile = read_profile(write(tmp_path, STATE))
    assert profile.load(profile.documents) == ["a"]
    assert profile.load(profile.migrations) is None


@pytest.mark.requirement("S1-34")
def test_an_app_adds_its_own_manifests_to_a_bundled_one(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, 'name = "a"\nmodels = ["bundled:dictation", "mine.json"]'))
    assert profile.manifests == (BUNDLED_DIRECTORY / "dictation" / "models.json", tmp_path / "mine.json")
    assert profile.models == profile.manifests[0]
    assert profile.manifests[0].is_file()


def test_a_single_manifest_is_a_list_of_one_and_none_is_an_empty_one(tmp_path: Path) -> None:
    assert read_profile(write(tmp_path, WHOLE)).manifests == (tmp_path / "models.json",)
    assert read_profile(write(tmp_path, 'name = "bare"')).manifests == ()


@pytest.mark.requirement("S1-34")
def test_a_manifest_that_is_fetched_needs_a_key(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"manifest\.keys"):
        read_profile(write(tmp_path, 'name = "a"\n[manifest]\nurl = "https://m.example.org/models.json"'))
    profile = read_profile(
        write(
            tmp_path,
            'name = "a"\n[manifest]\nurl = "https://m.example.org/models.json"\nkeys = ["AAAA"]\n'
            '[sources]\nhf = "https://h"',
        )
    )
    assert (profile.manifest.keys, profile.manifest.max_skew_seconds, profile.sources.hf) == (
        ["AAAA"],
        600.0,
        "https://h",
    )


def test_a_profile_that_was_changed_is_read_anew_and_one_that_was_not_is_the_same(tmp_path: Path) -> None:
    before = read_profile(write(tmp_path, 'name = "one"'))
    assert read_profile(tmp_path) is before
    assert read_profile(write(tmp_path, 'name = "two"')).name == "two"
