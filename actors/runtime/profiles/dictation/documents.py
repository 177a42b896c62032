"""The typed documents of a dictation app: immutable, without long texts or control characters."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

ENTRY_LIMIT = 10_000
PROMPT_LIMIT = 4000
NAME_LIMIT = 200
ALIAS_LIMIT = 100
EXPANSION_LIMIT = 2000


def _without_controls(text: str) -> str:
    if any(unicodedata.category(sign) == "Cc" for sign in text):
        raise ValueError("expected no control characters")
    return text


def _without_controls_but_lines(text: str) -> str:
    _without_controls(text.replace("\n", "").replace("\t", ""))
    return text


Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT), AfterValidator(_without_controls)]
Prompt = Annotated[
    str, Field(min_length=1, max_length=PROMPT_LIMIT), AfterValidator(_without_controls_but_lines)
]
Alias = Annotated[str, Field(min_length=1, max_length=ALIAS_LIMIT), AfterValidator(_without_controls)]
Expansion = Annotated[str, Field(min_length=1, max_length=EXPANSION_LIMIT), AfterValidator(_without_controls)]
SettingPath = Annotated[str, Field(pattern=r"^\w+(\.\w+)*$", max_length=NAME_LIMIT)]
Coordinate = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class DocumentPart(BaseModel):
    """Parts of documents are replaced whole, never changed in place."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Mark(DocumentPart):
    """A labelled place on the screen, in pixels."""

    label: Name
    x: Coordinate
    y: Coordinate


class MarksData(DocumentPart):
    """Saved marks, each label once."""

    marks: tuple[Mark, ...] = Field(default=(), max_length=ENTRY_LIMIT)

    @model_validator(mode="after")
    def _each_label_once(self) -> MarksData:
        _check_once("label", [mark.label.casefold() for mark in self.marks])
        return self


class Command(DocumentPart):
    """What a phrase does."""

    phrase: Name
    action: Literal["hotkey", "key", "key_sequence", "click", "scroll", "text"]
    value: Annotated[str, Field(max_length=EXPANSION_LIMIT), AfterValidator(_without_controls)] = ""
    description: Annotated[str, Field(max_length=NAME_LIMIT), AfterValidator(_without_controls)] = ""
    enabled: bool = True


class CommandsData(DocumentPart):
    """Voice commands of the user, each phrase once."""

    commands: tuple[Command, ...] = Field(default=(), max_length=ENTRY_LIMIT)

    @model_validator(mode="after")
    def _each_phrase_once(self) -> CommandsData:
        _check_once("phrase", [command.phrase.casefold() for command in self.commands])
        return self


class GridClick(DocumentPart):
    """How often a place was clicked.

    Attributes:
        last_at: time of the last click, in seconds since the Unix epoch.
    """

    x: Coordinate
    y: Coordinate
    count: int = Field(default=1, ge=1)
    last_at: float = Field(default=0.0, ge=0)


class GridClicksData(DocumentPart):
    """How often each place is clicked; the cells of the grid are ranked by it."""

    clicks: tuple[GridClick, ...] = Field(default=(), max_length=ENTRY_LIMIT)


class AgenticPrompt(DocumentPart):
    """A prompt for a language model that rewrites what was said."""

    id: Name
    name: Name
    prompt: Prompt
    mode: Literal["smart", "amend"] = "smart"


class AgenticPromptsData(DocumentPart):
    """Prompts for the smart and the amend mode, and the one that each mode uses."""

    prompts: tuple[AgenticPrompt, ...] = Field(default=(), max_length=1000)
    smart_prompt_id: Annotated[str, Field(max_length=NAME_LIMIT)] = ""
    amend_prompt_id: Annotated[str, Field(max_length=NAME_LIMIT)] = ""

    @model_validator(mode="after")
    def _what_is_in_use_is_there(self) -> AgenticPromptsData:
        _check_once("id", [prompt.id for prompt in self.prompts])
        for mode, id in (("smart", self.smart_prompt_id), ("amend", self.amend_prompt_id)):
            if id and not any(prompt.id == id and prompt.mode == mode for prompt in self.prompts):
                raise ValueError(f"expected a {mode} prompt with the id that is in use")
        return self


class SoundMapping(DocumentPart):
    """A sound and the phrase that it stands for."""

    sound: Name
    phrase: Name


class SoundMappingsData(DocumentPart):
    """Sounds, such as a click of the tongue, and the commands that they stand for; each sound once."""

    mappings: tuple[SoundMapping, ...] = Field(default=(), max_length=1000)

    @model_validator(mode="after")
    def _each_sound_once(self) -> SoundMappingsData:
        _check_once("sound", [mapping.sound.casefold() for mapping in self.mappings])
        return self


class DictationAlias(DocumentPart):
    """A spoken alias and the text that replaces it."""

    alias: Alias
    text: Expansion


class DictationAliasData(DocumentPart):
    """Aliases and their texts, each alias once."""

    aliases: tuple[DictationAlias, ...] = Field(default=(), max_length=ENTRY_LIMIT)

    @model_validator(mode="after")
    def _each_alias_once(self) -> DictationAliasData:
        _check_once("alias", [alias.alias.casefold() for alias in self.aliases])
        return self


class AppUserConfigDocument(BaseModel):
    """Overrides of the app's configuration by dotted path, for apps that store them themselves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    overrides: dict[Annotated[str, Field(pattern=r"^\w+(\.\w+)*$", max_length=NAME_LIMIT)], JsonValue] = (
        Field(default_factory=dict, max_length=ENTRY_LIMIT)
    )


DOCUMENTS: list[type[BaseModel]] = [
    MarksData,
    CommandsData,
    GridClicksData,
    AgenticPromptsData,
    SoundMappingsData,
    DictationAliasData,
    AppUserConfigDocument,
]


def _check_once(what: str, found: list[Any]) -> None:
    if len(set(found)) != len(found):
        raise ValueError(f"expected each {what} once")
