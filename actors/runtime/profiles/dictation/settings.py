"""The settings of a dictation app, with defaults, ranges and titles. Unknown settings are refused."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from actors.shared.profile.actor_settings import (
    DiagnosticsSettings,
    HistorySettings,
    ModelSettings,
    Section,
)


class VadSettings(Section):
    """How speech is distinguished from silence."""

    sensitivity: float = Field(
        default=0.5,
        ge=0,
        le=1,
        title="Sensitivity",
        description="0 detects only loud speech, 1 even a whisper.",
    )
    noise_floor: float = Field(
        default=0.002,
        gt=0,
        le=1,
        title="Noise floor",
        description="Loudness of the quiet room, as a share of full scale.",
    )
    energy_threshold_multiplier: float = Field(
        default=2.0,
        ge=1,
        le=20,
        title="Energy threshold multiplier",
        description="Speech is louder than the noise floor by this factor.",
    )
    silence_timeout_seconds: float = Field(
        default=0.8, ge=0.1, le=10, title="Silence that ends an utterance, in seconds"
    )
    pre_roll_seconds: float = Field(
        default=0.3, ge=0, le=5, title="Sound kept from before the speech, in seconds"
    )

    @property
    def energy_threshold(self) -> float:
        """Loudness above which sound counts as speech; follows from two other settings."""
        return min(1.0, self.noise_floor * self.energy_threshold_multiplier)


class SttSettings(Section):
    """How speech becomes text."""

    model_id: str = Field(default="whisper-base", min_length=1, max_length=100, title="Model")
    language: str = Field(
        default="auto", pattern=r"^(auto|[a-z]{2,3}(-[A-Z]{2})?)$", title="Language, or auto"
    )
    threads: int = Field(default=0, ge=0, le=64, title="Threads", description="0 lets the app choose.")


class DictationSettings(Section):
    """What happens to the text."""

    hotkey: str = Field(default="ctrl+alt+space", min_length=1, max_length=100, title="Hotkey")
    mode: Literal["hold", "toggle"] = Field(default="hold", title="Hotkey mode")
    auto_punctuation: bool = Field(default=True, title="Add punctuation")
    raw_output: bool = Field(default=False, title="Leave the text unedited")
    max_seconds: int = Field(default=300, ge=5, le=7200, title="Longest dictation, in seconds")


class AssistantSettings(Section):
    """The assistant mode. It needs a language model and a voice."""

    enabled: bool = Field(default=False, title="Enabled")
    model_id: str = Field(default="", max_length=100, title="Language model", description="Empty: none.")
    voice_id: str = Field(default="", max_length=100, title="Voice", description="Empty: none.")


class UiSettings(Section):
    """What a frontend shows."""

    theme: Literal["system", "light", "dark"] = Field(default="system", title="Theme")
    ready_toast: bool = Field(
        default=True,
        title="Say when everything is ready",
        description="Applies to every frontend.",
    )
    overlay: bool = Field(default=True, title="Show the overlay while dictating")


class Settings(Section):
    """All settings, by section."""

    vad: VadSettings = Field(default_factory=VadSettings, title="Voice detection")
    stt: SttSettings = Field(default_factory=SttSettings, title="Speech to text")
    dictation: DictationSettings = Field(default_factory=DictationSettings, title="Dictation")
    assistant: AssistantSettings = Field(default_factory=AssistantSettings, title="Assistant")
    history: HistorySettings = Field(default_factory=HistorySettings, title="History")
    models: ModelSettings = Field(default_factory=ModelSettings, title="Models")
    ui: UiSettings = Field(default_factory=UiSettings, title="Appearance")
    diagnostics: DiagnosticsSettings = Field(default_factory=DiagnosticsSettings, title="Diagnostics")
