"""Finds and reads a profile: the directory in which an app declares what it is made of.

myapp/profile.toml
myapp/settings.py       a pydantic model
myapp/models.json       which models there are
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.shared.durable import strict_toml
from actors.shared.profile.declaration_problems import declaration_problems
from actors.shared.profile.field_words import with_readable_pattern
from actors.shared.profile.mode_tables import ModeTable, ReadinessTable
from actors.shared.profile.profile_tables import (
    ChildTable,
    ManifestTable,
    NamespaceTable,
    PeerTable,
    ProfileFile,
    SourcesTable,
    StateTable,
)
from actors.shared.profile.topic_namespaces import namespace_owners
from bus.error_words import in_words
from bus.errors import OperatorError

if TYPE_CHECKING:
    from pydantic import BaseModel

PROFILE_NAME: Final = "profile.toml"
BUNDLED_DIRECTORY: Final = Path(__file__).parents[2] / "runtime" / "profiles"
DEFAULT_PROFILE: Final = "dictation"
MANIFEST_NAME: Final = "models.json"
CONFIG_STORE: Final = "actors.config_store:build"
"""Name of the manifest in a bundled profile."""

CONVERT_ERROR_PATTERN: Final = re.compile(r"(.*?)(?: - at `(?:key in )?\$\.?(.*)`)?", re.DOTALL)


class ProfileError(OperatorError):
    """A profile cannot be used.

    Attributes:
        file: that is wrong.
        option: of that file; empty for the file as a whole.
        detail: what was expected and what was found.
    """

    file: str
    option: str
    detail: str

    def __str__(self) -> str:
        return f"{self.file}: {self.option}: {self.detail}" if self.option else f"{self.file}: {self.detail}"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What an app declares.

    Attributes:
        directory: of the profile.
        name: of the app.
        title: of the app, for people.
        settings: `file.py:Class` of the settings model, or a JSON Schema, relative to the directory; empty
            for none.
        allowlist: dotted paths of settings that may be changed; `*` for any one part, a section for all of
            it. None: all settings.
        models: the first manifest of models; None if the app has none.
        namespaces: patterns of topics that the app declares for itself, in the order of the file.
        namespace_owners: those of them that belong to certain peers, with the names of these.
        children: processes that the supervisor runs.
        peers: further peers whose names are reserved.
        modes: what the app can be used for.
        readiness: how its readiness is shown.
        manifests: all manifests of models; the earlier ones win.
        manifest: where a signed manifest is fetched, and the keys it needs.
        sources: servers that stand in for the public ones.
        wording: locale to key to text; replaces words that come with Undercroft.
        state: limits of the state store.
        state_namespaces: who may read and write which keys of it, and how they are stored.
        documents: `file.py:NAME` of the types of documents, or `file.json` with JSON Schema by name, relative
            to the directory; empty for none.
        migrations: `file.py:NAME` of the migrations of older values; empty for none.
        settings_of: sections of settings that bundled actors read, and that the app takes over.
        settings_version: counts what the settings mean; stored with them.
        settings_migrations: `file.py:NAME` of a table from version to the function that migrates from it;
            empty for none.
        preset_setting: dotted path of the setting that names a preset of the profile; empty if presets cannot
            be chosen.
        policy: file with what an administrator forces, relative to the config directory; empty: where the
            platform keeps such files.
    """

    directory: Path
    name: str
    title: str
    settings: str
    allowlist: tuple[str, ...] | None
    models: Path | None
    namespaces: tuple[str, ...]
    children: tuple[ChildTable, ...]
    namespace_owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    peers: tuple[PeerTable, ...] = ()
    modes: tuple[ModeTable, ...] = ()
    readiness: ReadinessTable = field(default_factory=ReadinessTable)
    manifests: tuple[Path, ...] = ()
    manifest: ManifestTable = field(default_factory=ManifestTable)
    sources: SourcesTable = field(default_factory=SourcesTable)
    wording: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    state: StateTable = field(default_factory=StateTable)
    state_namespaces: tuple[NamespaceTable, ...] = ()
    documents: str = ""
    migrations: str = ""
    settings_of: tuple[str, ...] = ()
    settings_version: int = 1
    settings_migrations: str = ""
    preset_setting: str = ""
    policy: str = ""

    @property
    def secret_readers(self) -> frozenset[str]:
        """Names of the children and peers that may ask for the values of secret settings."""
        named: tuple[ChildTable | PeerTable, ...] = (*self.children, *self.peers)
        return frozenset(one.name for one in named if one.reveal_secrets)

    @property
    def has_settings(self) -> bool:
        """Whether the app has any settings, its own or those of bundled actors."""
        return bool(self.settings or self.settings_of)

    @property
    def keeps_settings(self) -> bool:
        """Whether a config store publishes the settings at each start."""
        return any(child.entry == CONFIG_STORE for child in self.children)

    @property
    def file(self) -> Path:
        """The profile's own file."""
        return self.directory / PROFILE_NAME

    def load_settings(self) -> type[BaseModel]:
        """Import the settings model. Imports pydantic as well, which takes a while.

        Raises:
            ProfileError: there is no model, it cannot be imported, or it is no pydantic model.
        """
        from pydantic import BaseModel

        if not self.settings or self.settings.endswith(".json"):
            detail = f"expected 'settings.py:Settings', found {self.settings or 'none'}"
            raise ProfileError(str(self.file), "settings", detail)
        model = self.load(self.settings)
        if not isinstance(model, type) or not issubclass(model, BaseModel):
            detail = f"{self.settings}: expected a pydantic model, found {model!r}"
            raise ProfileError(str(self.file), "settings", detail)
        return model

    def load(self, reference: str) -> Any:
        """Import a file of the profile, and return what the reference names in it; None if it is missing.

        Args:
            reference: `file.py:NAME`, relative to the directory.

        Raises:
            ProfileError: the file cannot be imported.
        """
        name, attribute = reference.rsplit(":", 1)
        path = self.directory / name
        module_name = f"undercroft_profile_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None, "the pattern of the option allows only .py files"
        assert spec.loader is not None, "a .py file has a loader"
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module  # pydantic looks up annotations there
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # an app's own code may raise anything, and all of it means the same
            del sys.modules[module_name]
            detail = f"cannot be imported: {type(error).__name__}: {error}"
            raise ProfileError(str(path), "", detail) from error
        return getattr(module, attribute, None)


def find_profile(name_or_path: str) -> Path:
    """Directory of a profile: a bundled one by its name, otherwise the path as given.

    Raises:
        ProfileError: there is no such profile.
    """
    is_name = re.fullmatch(r"[a-z][a-z0-9_]*", name_or_path) is not None
    if is_name and (BUNDLED_DIRECTORY / name_or_path / PROFILE_NAME).is_file():
        return BUNDLED_DIRECTORY / name_or_path
    directory = Path(name_or_path).expanduser().absolute()
    if (directory / PROFILE_NAME).is_file():
        return directory
    bundled = sorted(path.parent.name for path in BUNDLED_DIRECTORY.glob(f"*/{PROFILE_NAME}"))
    detail = f"expected a directory with a {PROFILE_NAME}, or one of {', '.join(bundled)}; found neither"
    raise ProfileError(name_or_path, "", detail)


def read_profile(directory: Path) -> Profile:
    """Read `profile.toml`.

    Raises:
        ProfileError: it cannot be read, or an option is wrong.
    """
    file = directory / PROFILE_NAME
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(str(file), "", f"cannot be read: {in_words(error)}") from error
    return _parse(directory, text)


@functools.lru_cache(maxsize=2)
def _parse(directory: Path, text: str) -> Profile:
    """What the text says. Cached for actors that are forked from a process that has parsed it."""
    file = directory / PROFILE_NAME
    try:
        content = strict_toml.parse_text(text)
    except strict_toml.NotStrictToml as error:
        raise ProfileError(str(file), "", str(error)) from error
    try:
        found = msgspec.convert(content, ProfileFile)
    except msgspec.ValidationError as error:
        words, option = words_and_option(str(error))
        words = with_readable_pattern(words, option, content)
        raise ProfileError(str(file), option, words) from error
    for option, detail in declaration_problems(found):
        raise ProfileError(str(file), option, detail)
    return profile_of(directory, found)


def profile_of(directory: Path, found: ProfileFile) -> Profile:
    """The profile of a file that was read and holds no mistake. Pure."""
    owners = namespace_owners(found.topics.namespaces)
    manifests = _manifests(directory, found.models)
    return Profile(
        directory=directory,
        name=found.name,
        title=found.title or found.name,
        settings=found.settings,
        allowlist=None if found.allowlist is None else tuple(found.allowlist),
        models=manifests[0] if manifests else None,
        manifests=manifests,
        manifest=found.manifest,
        sources=found.sources,
        namespaces=tuple(owners),
        namespace_owners={pattern: names for pattern, names in owners.items() if names is not None},
        children=tuple(found.children),
        peers=tuple(found.peers),
        modes=tuple(found.modes),
        readiness=found.readiness,
        wording=found.wording,
        state=found.state,
        state_namespaces=tuple(found.namespaces),
        documents=found.documents,
        migrations=found.migrations,
        settings_of=tuple(dict.fromkeys(found.settings_of)),
        settings_version=found.settings_version,
        settings_migrations=found.settings_migrations,
        preset_setting=found.preset_setting,
        policy=found.policy,
    )


def _manifests(directory: Path, declared: str | list[str]) -> tuple[Path, ...]:
    """Files of the option `models`. `bundled:dictation` means the manifest of a bundled profile."""
    names = [declared] if isinstance(declared, str) else declared
    return tuple(
        BUNDLED_DIRECTORY / bundled / MANIFEST_NAME
        if (bundled := name.removeprefix("bundled:")) != name
        else directory / name
        for name in names
        if name
    )


def words_and_option(message: str) -> tuple[str, str]:
    """Split a message of msgspec, such as "Expected `str`, got `int` - at `$.children[0].name`"."""
    match = CONVERT_ERROR_PATTERN.fullmatch(message)
    assert match is not None, "the pattern takes any text"
    words = match[1].replace("`", "'").replace(", got ", ", found ")
    return words[:1].lower() + words[1:], match[2] or ""
