"""A profile: the directory in which an app declares its settings, its models, its topics and its children.

myapp/profile.toml
myapp/settings.py       a pydantic model
myapp/models.json       which models there are
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from bus.errors import OperatorError

if TYPE_CHECKING:
    from pydantic import BaseModel

PROFILE_NAME: Final = "profile.toml"
BUNDLED_DIRECTORY: Final = Path(__file__).parent / "profiles"
DEFAULT_PROFILE: Final = "dictation"
NAMESPACE_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\.\*")
ALLOWLIST_PATTERN: Final = re.compile(r"(?:\*|\w+)(?:\.(?:\*|\w+))*")
CONVERT_ERROR_PATTERN: Final = re.compile(r"(.*?)(?: - at `(?:key in )?\$\.?(.*)`)?", re.DOTALL)


class ProfileError(OperatorError):
    """A profile that cannot be used.

    Attributes:
        file: the file that is wrong.
        option: which option in it; empty for the file as a whole.
        detail: what was expected and what was found.
    """

    def __init__(self, file: str, option: str, detail: str) -> None:
        super().__init__(file, option, detail)
        self.file = file
        self.option = option
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.file}: {self.option}: {self.detail}" if self.option else f"{self.file}: {self.detail}"


class ChildTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[children]]` table; the fields are those of the supervisor's child spec."""

    name: str
    entry: str = ""
    command: list[str] = []
    path: str = ""
    restart: Literal["permanent", "transient", "temporary"] = "permanent"
    depends_on: list[str] = []
    ready: Literal["message", "hello", "started"] | None = None
    start_timeout_seconds: float = 30.0
    shutdown_timeout_seconds: float = 5.0
    heartbeat_timeout_seconds: float = 10.0
    memory_limit_mib: int = 0
    intensity: int = 5
    period_seconds: float = 60.0
    environment: dict[str, str] = {}


class TopicsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[topics]` table."""

    namespaces: list[str] = []


class ProfileFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `profile.toml` may hold."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
    title: str = ""
    settings: Annotated[str, msgspec.Meta(pattern=r"^[^:]+\.py:[A-Za-z_]\w*$")] = ""
    allowlist: list[str] | None = None
    models: str = ""
    topics: TopicsTable = TopicsTable()
    children: list[ChildTable] = []


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What an app declares.

    Attributes:
        directory: where the profile lies.
        settings: `file.py:Class` of the settings model, relative to the directory; empty if the app has none.
        allowlist: dotted paths of settings that may be changed, `*` for any one part, a section for all below it;
            None: all of them.
        models: the manifest of models; None if the app has none.
        namespaces: patterns of topics that the app declares for itself.
    """

    directory: Path
    name: str
    title: str
    settings: str
    allowlist: tuple[str, ...] | None
    models: Path | None
    namespaces: tuple[str, ...]
    children: tuple[ChildTable, ...]

    @property
    def file(self) -> Path:
        """The profile's own file."""
        return self.directory / PROFILE_NAME

    def load_settings(self) -> type[BaseModel]:
        """Import the settings model. This imports pydantic, so it is for those who need it.

        Raises:
            ProfileError: there is none, it cannot be imported, or it is no pydantic model.
        """
        from pydantic import BaseModel

        if not self.settings:
            raise ProfileError(str(self.file), "settings", "expected 'settings.py:Settings', found none")
        name, class_name = self.settings.rsplit(":", 1)
        path = self.directory / name
        module_name = f"undercroft_profile_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None, "the pattern of the option lets only .py files through"
        assert spec.loader is not None, "a .py file has one"
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module  # pydantic looks up annotations there
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # an app's own code may raise anything; all of it means the same here
            del sys.modules[module_name]
            raise ProfileError(str(path), "", f"cannot be imported: {type(error).__name__}: {error}") from error
        model = getattr(module, class_name, None)
        if not isinstance(model, type) or not issubclass(model, BaseModel):
            raise ProfileError(str(path), class_name, f"expected a pydantic model, found {model!r}")
        return model


def find_profile(name_or_path: str) -> Path:
    """Directory of a profile: that of a bundled one by its name, otherwise the path as given.

    Raises:
        ProfileError: there is no such profile.
    """
    is_name = re.fullmatch(r"[a-z][a-z0-9_]*", name_or_path) is not None
    for directory in ([BUNDLED_DIRECTORY / name_or_path] if is_name else []) + [Path(name_or_path).expanduser().absolute()]:
        if (directory / PROFILE_NAME).is_file():
            return directory
    bundled = sorted(path.parent.name for path in BUNDLED_DIRECTORY.glob(f"*/{PROFILE_NAME}"))
    raise ProfileError(name_or_path, "", f"expected a directory with a {PROFILE_NAME}, or one of {', '.join(bundled)}; found neither")


def read_profile(directory: Path) -> Profile:
    """Read `profile.toml`.

    Raises:
        ProfileError: it cannot be read, or an option is wrong.
    """
    file = directory / PROFILE_NAME
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(str(file), "", f"cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(str(file), "", f"expected TOML, found: {error}") from error
    try:
        found = msgspec.convert(content, ProfileFile)
    except msgspec.ValidationError as error:
        words, option = _words_and_option(str(error))
        raise ProfileError(str(file), option, words) from error
    _check_patterns(file, "allowlist", ALLOWLIST_PATTERN, found.allowlist or [], "a dotted path such as 'vad.sensitivity' or 'vad.*'")
    _check_patterns(file, "topics.namespaces", NAMESPACE_PATTERN, found.topics.namespaces, "a pattern such as 'myapp.*'")
    return Profile(
        directory=directory,
        name=found.name,
        title=found.title or found.name,
        settings=found.settings,
        allowlist=None if found.allowlist is None else tuple(found.allowlist),
        models=directory / found.models if found.models else None,
        namespaces=tuple(found.topics.namespaces),
        children=tuple(found.children),
    )


def _check_patterns(file: Path, option: str, pattern: re.Pattern[str], values: list[str], expected: str) -> None:
    for at, value in enumerate(values):
        if not pattern.fullmatch(value):
            raise ProfileError(str(file), f"{option}[{at}]", f"expected {expected}, found {value!r}")


def _words_and_option(message: str) -> tuple[str, str]:
    """Split what msgspec says, such as "Expected `str`, got `int` - at `$.children[0].name`"."""
    match = CONVERT_ERROR_PATTERN.fullmatch(message)
    assert match is not None, "the pattern takes any text"
    words = match[1].replace("`", "'").replace(", got ", ", found ")
    return words[:1].lower() + words[1:], match[2] or ""
