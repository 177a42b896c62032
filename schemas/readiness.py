"""Readiness: what the app can be used for now, why not for more, and what a frontend shows about it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.event import ONE_PER_TOPIC, Event, Request

ReadinessState = Literal[
    "idle", "checking", "ready", "degraded", "setup_required", "downloading", "recovery_required"
]
"""`idle`: nothing is checked, since the runtime leaves. `degraded`: some of the wanted modes can be used, not all.
`setup_required` and `recovery_required`: none can, and a person is needed."""

ReasonKind = Literal[
    "model_absent", "model_paused", "model_failed", "model_damaged", "licence_due", "no_model_setting", "unknown_model",
    "path_mismatch", "path_missing", "path_unusable", "no_path_setting", "service_down", "checking", "downloading", "switched_off",
]  # fmt: skip
"""`no_model_setting`: neither settings nor profile name a model. `unknown_model`: the one they name is in no manifest.
`path_mismatch`: models are served from another directory than the one that is set. `path_unusable`: not a
    directory, not writable."""

StepStatus = Literal["waiting", "running", "passed", "failed", "skipped"]
ModeStatus = Literal["available", "unavailable", "checking", "switched_off"]
Showing = Literal["nothing", "banner", "setup", "progress", "recovery", "toast"]
ActionName = Literal["retry", "change_path", "report"]
SignKind = Literal["fast_mismatch", "range_flip", "disk_full", "size_mismatch", "hash_mismatch"]
"""`fast_mismatch`: a checksum failed soon after a download was resumed. `range_flip`: the server answered 206 once and 200 another time,
so that what was there had to be thrown away. `disk_full`: ENOSPC, though the network was well."""

Locale = Annotated[str, msgspec.Meta(pattern=r"^([a-zA-Z]{2,8}([-_][a-zA-Z0-9]{1,8})*)?$", max_length=35)]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the checklist.

    Attributes:
        id: `settings`, `storage`, `services`, or `model.<category>`.
        started_at, ended_at: seconds since the Unix epoch; None before.
        detail: what was found; empty while nothing was.
    """

    id: str
    title: str
    status: StepStatus
    started_at: float | None = None
    ended_at: float | None = None
    detail: str = ""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why something cannot be used now.

    Attributes:
        subject: model id, category, path or actor that it is about.
        category: of the model that it is about; empty if it is about none.
        text: one sentence for a person.
    """

    kind: ReasonKind
    subject: str
    category: str = ""
    text: str = ""


class ModeAvailability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one mode of the app may be used now. A frontend gates its modes by this and nothing else.

    Attributes:
        missing: required categories that no usable model serves.
        reasons: why it is not available; empty if it is.
        notices: names of what a person is told while the mode is used without an optional model, such as
            `raw_output`.
        notice_texts: the same as sentences.
    """

    mode: str
    title: str
    status: ModeStatus
    missing: list[str] = []
    reasons: list[Reason] = []
    notices: list[str] = []
    notice_texts: list[str] = []


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person can choose.

    Attributes:
        value: what an input starts with: the current path, for `change_path`.
        request: topic of the request that carries it out.
    """

    name: ActionName
    title: str
    value: str = ""
    request: str = ""


class BundleModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the bundle that is confirmed once.

    Attributes:
        missing_bytes: so many of `size_bytes` are not on disk yet.
        licence_due: its licence has to be accepted with the bundle.
    """

    model_id: str
    name: str
    category: str
    licence: str
    size_bytes: int
    missing_bytes: int
    licence_due: bool = False
    licence_url: str = ""


class SetupPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """What is confirmed once before anything is fetched: the location and all models together.

    Attributes:
        location: directory of the models, the active one.
        missing_bytes: what is to be fetched in all.
        free_bytes: room at the location; None if it is not known (yet).
        change: how another directory is chosen before the bundle is confirmed.
    """

    heading: str
    text: str
    location: str
    models: list[BundleModel]
    size_bytes: int
    missing_bytes: int
    free_bytes: int | None = None
    change: Action | None = None


class ProgressLine(msgspec.Struct, frozen=True, kw_only=True):
    """One compact line for a model that is on its way.

    Attributes:
        percent: 0 to 100; 100 only when every byte is durable.
        text: name and explicit percent, such as `Whisper base: 41 %`.
        seconds_left: None while it is not known.
    """

    model_id: str
    name: str
    percent: int
    text: str
    durable_bytes: int
    size_bytes: int
    rate_bytes_per_second: float = 0.0
    seconds_left: float | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A banner, a toast, or the head of the recovery screen: words first, then what can be done.

    Attributes:
        fade_ms: it leaves by itself after so long; 0: it stays.
    """

    text: str
    actions: list[Action] = []
    fade_ms: int = 0


class WarningSign(msgspec.Struct, frozen=True, kw_only=True):
    """How often something happened to a model that points to a deeper fault, since the runtime came up.

    Attributes:
        text: what it points to, and what to do.
    """

    kind: SignKind
    model_id: str
    count: int
    last_at: float
    text: str = ""


class ReadinessSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to know about readiness at one moment.

    Attributes:
        revision: grows with every snapshot, also across lives of the actor; a lower one is older. Its size
            means nothing.
        since: when this state was entered, seconds since the Unix epoch.
        state_text: the state as a short message.
        is_blocking: no mode can be used until a person or a download is done.
        show: what a frontend shows now; the matching field below holds it. The others are there for those who
            open a view.
        location: directory of the models, the active one.
    """

    revision: int
    state: ReadinessState
    since: float
    state_text: str
    is_blocking: bool
    show: Showing
    steps: list[Step]
    modes: list[ModeAvailability]
    reasons: list[Reason] = []
    location: str = ""
    banner: Notice | None = None
    setup: SetupPrompt | None = None
    progress: list[ProgressLine] = []
    recovery: Notice | None = None
    toast: Notice | None = None
    signs: list[WarningSign] = []
    locale: str = "en"


class ReadinessChangedEvent(Event, frozen=True, kw_only=True, tag="readiness.changed"):
    """Readiness is another one now. The snapshot is whole; `changed` names its fields that are new, so that a view redraws only those."""

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    snapshot: ReadinessSnapshot
    changed: list[str]


class ReadinessReportedEvent(Event, frozen=True, kw_only=True, tag="readiness.reported"):
    """The snapshot of now, and the full report as text for a person to read or copy."""

    snapshot: ReadinessSnapshot
    text: str


class ReadinessReportRequestEvent(
    Request[ReadinessReportedEvent], frozen=True, kw_only=True, tag="readiness.report"
):
    """Ask for the snapshot and the full report.

    Attributes:
        locale: language of all words, such as `de`; empty for the app's own.
    """

    locale: Locale = ""


class ReadinessSetupAcceptedEvent(Event, frozen=True, kw_only=True, tag="readiness.setup_accepted"):
    """The bundle was confirmed: the wish for each of its models is on disk, and they come without another question.

    Attributes:
        model_ids: models that are on their way now.
        problems: one sentence for each that is not.
        revision: snapshots from this one on know of it.
    """

    model_ids: list[str]
    problems: list[str] = []
    revision: int = 0


class ReadinessSetupRequestEvent(
    Request[ReadinessSetupAcceptedEvent], frozen=True, kw_only=True, tag="readiness.setup"
):
    """Confirm the whole bundle, once.

    Attributes:
        location: the directory that the person was shown; refused if the active one is another by now. Empty:
            whichever it is.
        accept_licences: the person accepts the licences that the bundle names as due; refused without, if one
            is.
    """

    location: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    accept_licences: bool = False


class ReadinessRetriedEvent(Event, frozen=True, kw_only=True, tag="readiness.retried"):
    """What failed is tried again.

    Attributes:
        model_ids: models that are on their way again.
        problems: one sentence for each that is not.
        revision: snapshots from this one on know of it.
    """

    model_ids: list[str]
    problems: list[str] = []
    revision: int = 0


class ReadinessRetryRequestEvent(
    Request[ReadinessRetriedEvent], frozen=True, kw_only=True, tag="readiness.retry"
):
    """Check everything again, and have every model that failed or is damaged fetched or mended again."""
