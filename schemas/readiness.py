"""Readiness: what the app can be used for now, what prevents more, and what a frontend shows about it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.bounds import (
    Amount,
    Body,
    Count,
    Identifier,
    Many,
    Percent,
    PlaceText,
    Seconds,
    Sentence,
    UnixSeconds,
    UrlText,
    Word,
    whole,
)
from schemas.event import ONE_PER_TOPIC, Event, Request

ReadinessState = Literal[
    "idle", "checking", "ready", "degraded", "setup_required", "downloading", "recovery_required"
]
"""`idle`: nothing is checked, since the runtime is stopping. `degraded`: some wanted modes can be used,
others cannot. `setup_required` and `recovery_required`: none can be used, and a person has to act."""

ReasonKind = Literal[
    "model_absent", "model_paused", "model_failed", "model_damaged", "licence_due", "no_model_setting",
    "unknown_model", "path_mismatch", "path_missing", "path_unusable", "no_path_setting", "service_down",
    "checking", "downloading", "switched_off",
]  # fmt: skip
"""`no_model_setting`: neither settings nor profile name a model. `unknown_model`: no manifest has the one
they name. `path_mismatch`: models are used from another directory than the one that is set. `path_unusable`:
it is no directory, or not writable."""

StepStatus = Literal["waiting", "running", "passed", "failed", "skipped"]
ModeStatus = Literal["available", "unavailable", "checking", "switched_off"]
Showing = Literal["nothing", "banner", "setup", "progress", "recovery", "toast"]
ActionName = Literal["retry", "change_path", "report"]
SignKind = Literal["fast_mismatch", "range_flip", "disk_full", "size_mismatch", "hash_mismatch"]
"""`fast_mismatch`: a checksum failed soon after a download was resumed. `range_flip`: the server answered 206
first and 200 later, so the bytes on disk had to be discarded. `disk_full`: ENOSPC, although the network
worked."""

Locale = Annotated[
    str, msgspec.Meta(pattern=whole(r"([a-zA-Z]{2,8}([-_][a-zA-Z0-9]{1,8})*)?"), max_length=35)
]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the checklist.

    Attributes:
        id: `settings`, `storage`, `services`, or `model.<category>`.
        started_at, ended_at: seconds since the Unix epoch; None: not yet.
        detail: what was found; empty: nothing yet.
    """

    id: Identifier
    title: Word
    status: StepStatus
    started_at: UnixSeconds | None = None
    ended_at: UnixSeconds | None = None
    detail: Sentence = ""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why something cannot be used now.

    Attributes:
        subject: the model id, category, path or actor in question.
        category: of the model in question; empty: there is none.
        text: one sentence for people.
    """

    kind: ReasonKind
    subject: Word
    category: Word = ""
    text: Sentence = ""


class ModeAvailability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one mode of the app can be used now. A frontend enables its modes by this alone.

    Attributes:
        missing: required categories without a usable model.
        reasons: why it is not available; empty: it is.
        notices: names of the notices to show while an optional model is missing, such as `raw_output`.
        notice_texts: the same as sentences.
    """

    mode: Word
    title: Word
    status: ModeStatus
    missing: Many[Sentence] = []
    reasons: Many[Reason] = []
    notices: Many[Sentence] = []
    notice_texts: Many[Sentence] = []


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person can choose.

    Attributes:
        value: initial value of an input, such as the current path for `change_path`.
        request: topic of the request that performs it.
    """

    name: ActionName
    title: Word
    value: Sentence = ""
    request: Sentence = ""


class BundleModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the bundle that a person confirms.

    Attributes:
        missing_bytes: how many of `size_bytes` are not on disk yet.
        licence_due: its licence has to be accepted with the bundle.
    """

    model_id: Identifier
    name: Word
    category: Word
    licence: Sentence
    size_bytes: Count
    missing_bytes: Count
    licence_due: bool = False
    licence_url: UrlText = ""


class SetupPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """What a person confirms once, before anything is fetched: the location and all models together.

    Attributes:
        location: the active directory of the models.
        missing_bytes: bytes to fetch, over all models.
        free_bytes: free space at the location; None: not known.
        change: how to choose another directory before the bundle is confirmed.
    """

    heading: Sentence
    text: Sentence
    location: PlaceText
    models: Many[BundleModel]
    size_bytes: Count
    missing_bytes: Count
    free_bytes: Count | None = None
    change: Action | None = None


class ProgressLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line for a model that is being installed.

    Attributes:
        percent: 0 to 100; 100 only when every byte is durable.
        text: name and percent, such as `Whisper base: 41 %`.
        seconds_left: None: not known yet.
    """

    model_id: Identifier
    name: Word
    percent: Percent
    text: Sentence
    durable_bytes: Count
    size_bytes: Count
    rate_bytes_per_second: Amount = 0.0
    seconds_left: Seconds | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A banner, a toast, or the head of the recovery screen: a text, and what a person can do.

    Attributes:
        fade_ms: it disappears after this time; 0: it stays.
    """

    text: Sentence
    actions: Many[Action] = []
    fade_ms: Count = 0


class WarningSign(msgspec.Struct, frozen=True, kw_only=True):
    """Repeated trouble with a model that points to a deeper fault, since the runtime started.

    Attributes:
        count: how often it happened.
        last_at: when it last happened, seconds since the Unix epoch.
        text: the likely fault, and what to do.
    """

    kind: SignKind
    model_id: Identifier
    count: Count
    last_at: UnixSeconds
    text: Sentence = ""


class ReadinessSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about readiness at one moment.

    Attributes:
        revision: grows with every snapshot, also across restarts of the actor. Only the order counts.
        since: when this state began, seconds since the Unix epoch.
        state_text: the state as a short message.
        is_blocking: no mode can be used until a person has acted or a download has ended.
        show: what a frontend shows now; the field of that name holds it. The others are for views that a
            person opens.
        location: the active directory of the models.
    """

    revision: Count
    state: ReadinessState
    since: UnixSeconds
    state_text: Sentence
    is_blocking: bool
    show: Showing
    steps: Many[Step]
    modes: Many[ModeAvailability]
    reasons: Many[Reason] = []
    location: PlaceText = ""
    banner: Notice | None = None
    setup: SetupPrompt | None = None
    progress: Many[ProgressLine] = []
    recovery: Notice | None = None
    toast: Notice | None = None
    signs: Many[WarningSign] = []
    locale: Word = "en"


class ReadinessChangedEvent(Event, frozen=True, kw_only=True, tag="readiness.changed"):
    """Readiness changed.

    Attributes:
        snapshot: the whole state.
        changed: names of the fields of the snapshot that changed, so that a view redraws only those.
    """

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    snapshot: ReadinessSnapshot
    changed: Many[Word]


class ReadinessReportedEvent(Event, frozen=True, kw_only=True, tag="readiness.reported"):
    """The present snapshot, and the full report as text for people."""

    snapshot: ReadinessSnapshot
    text: Body


class ReadinessReportRequestEvent(
    Request[ReadinessReportedEvent], frozen=True, kw_only=True, tag="readiness.report"
):
    """Ask for the snapshot and the full report.

    Attributes:
        locale: language of all texts, such as `de`; empty: that of the app.
    """

    locale: Locale = ""


class ReadinessSetupAcceptedEvent(Event, frozen=True, kw_only=True, tag="readiness.setup_accepted"):
    """The bundle is confirmed: the request for each of its models is on disk.

    Attributes:
        model_ids: models that are being installed now.
        problems: one sentence for each of the others.
        revision: the first snapshot that includes this.
    """

    model_ids: Many[Identifier]
    problems: Many[Sentence] = []
    revision: Count = 0


class ReadinessSetupRequestEvent(
    Request[ReadinessSetupAcceptedEvent], frozen=True, kw_only=True, tag="readiness.setup"
):
    """Confirm the whole bundle, once.

    Attributes:
        location: the directory that the person saw; refused if another one is active now. Empty: do not
            check.
        accept_licences: the person accepts the licences that the bundle names as due; without this, such a
            bundle is refused.
    """

    location: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    accept_licences: bool = False


class ReadinessRetriedEvent(Event, frozen=True, kw_only=True, tag="readiness.retried"):
    """Failed models are tried again.

    Attributes:
        model_ids: models that are being installed again.
        problems: one sentence for each of the others.
        revision: the first snapshot that includes this.
    """

    model_ids: Many[Identifier]
    problems: Many[Sentence] = []
    revision: Count = 0


class ReadinessRetryRequestEvent(
    Request[ReadinessRetriedEvent], frozen=True, kw_only=True, tag="readiness.retry"
):
    """Check everything again, and fetch or repair every model that failed or is damaged."""
