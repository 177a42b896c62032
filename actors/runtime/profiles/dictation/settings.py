"""The settings of a dictation app, with defaults, ranges and titles. Unknown settings are refused."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Base of all sections. Settings are immutable: a change makes new ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


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


class HistorySettings(Section):
    """What is remembered about past dictations. By default nothing is written to disk."""

    max_entries: int = Field(default=100, ge=10, le=10_000, title="Entries to keep")
    persistence_mode: Literal["memory", "disk"] = Field(default="memory", title="Where to keep entries")
    encrypt_at_rest: bool = Field(default=True, title="Encrypt entries on disk")
    keep_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        title="Days to keep entries",
        description="Older entries are deleted. 0: no limit.",
    )
    keep_entries: int = Field(
        default=0,
        ge=0,
        title="Most entries on disk",
        description="The oldest entries are deleted. 0: no limit.",
    )
    keep_mib: int = Field(
        default=0,
        ge=0,
        title="Most MiB of entries on disk",
        description="The oldest entries are deleted. 0: no limit.",
    )


class ModelSettings(Section):
    """How models are downloaded."""

    offline: bool = Field(
        default=False,
        title="Work offline",
        description="Installed models can be used. Nothing is downloaded and no server is contacted.",
    )
    rate_limit_kib_per_second: int = Field(
        default=0, ge=0, le=10_000_000, title="Download limit in KiB per second", description="0: no limit."
    )
    max_streams: int = Field(
        default=8,
        ge=1,
        le=16,
        title="Most connections at once",
        description="More connections are opened only while they make the download faster.",
    )
    mirror_url: str = Field(
        default="", max_length=2000, pattern=r"^(https?://\S+)?$", title="Mirror to try first"
    )
    partials_keep_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        title="Days to keep unfinished downloads",
        description="Downloads that an install still needs are always kept. 0: no limit.",
    )
    verify_every_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        title="Days between checks of a model",
        description="Every byte is read again while nothing else is in progress. 0: never.",
    )


class UiSettings(Section):
    """What a frontend shows."""

    theme: Literal["system", "light", "dark"] = Field(default="system", title="Theme")
    ready_toast: bool = Field(
        default=True,
        title="Say when everything is ready",
        description="Applies to every frontend.",
    )
    overlay: bool = Field(default=True, title="Show the overlay while dictating")


class DiagnosticsSettings(Section):
    """What helps to find faults."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", title="Log level")
    log_entries: int = Field(default=500, ge=50, le=100_000, title="Log entries kept in memory")
    log_kib: int = Field(default=256, ge=16, le=65_536, title="Most memory for log entries, in KiB")
    file_logs: bool = Field(
        default=False,
        title="Write logs to files",
        description="The files are rotated. Switch this on only to find a fault.",
    )
    file_logs_until: str = Field(
        default="",
        pattern=r"^(\d{4}-\d{2}-\d{2})?$",
        title="Last day of log files",
        description="After this day no files are written. Empty: no end.",
    )


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
