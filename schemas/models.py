"""Models: requests to install, remove and verify them, and what happens to them."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from schemas.bounds import Amount, Count, Identifier, Many, PlaceText, Seconds, Sentence, UnixSeconds, Word
from schemas.event import Event, Request
from schemas.manifest import FilePromise

ModelState = Literal[
    "absent", "queued", "downloading", "paused", "partial", "verifying", "installed", "damaged", "failed"
]
"""`partial`: some bytes are staged, and no install is fetching more. `paused`: a person paused the install,
which stays paused through restarts until they resume it. `failed`: it gave up; `problem` says why."""

ModelProblemKind = Literal[
    "", "network", "server", "mismatch", "refused", "disk", "space", "damaged", "licence", "held"
]
"""`space`: the disk is full. `mismatch`: the bytes are not those that the manifest promises. `held`: a lease
prevents it."""


class ModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one model.

    Attributes:
        durable_bytes: bytes that survive a crash; `size_bytes` once installed.
        problem: why the model failed or is damaged, and what to do; empty otherwise.
        problem_kind: the kind of problem, for programs; empty without one.
        revision: the active revision; empty while none is installed.
        wanted_revision: the revision that the manifest names; differs from `revision` while an update is due
            or under way.
        former_revision: the revision that a rollback would restore; empty: there is none.
        held_by: names of the peers that hold a lease on it.
        licence_due: a person has to accept its licence before it can be installed.
    """

    model_id: Identifier
    name: Word
    category: Word
    licence: Sentence
    state: ModelState
    size_bytes: Count
    durable_bytes: Count
    problem: Sentence = ""
    problem_kind: ModelProblemKind = ""
    revision: Identifier = ""
    wanted_revision: Identifier = ""
    former_revision: Identifier = ""
    held_by: Many[Word] = []
    licence_due: bool = False


class ModelsListedEvent(Event, frozen=True, kw_only=True, tag="models.listed"):
    """Every model of the manifests, with its state."""

    models: Many[ModelStatus]
    models_directory: PlaceText


class ModelsListRequestEvent(Request[ModelsListedEvent], frozen=True, kw_only=True, tag="models.list"):
    """Ask for all models and their states."""


class ModelInstallAcceptedEvent(Event, frozen=True, kw_only=True, tag="models.install_accepted"):
    """The request is on disk: the install survives any crash, until it is done, failed or cancelled."""

    status: ModelStatus


class ModelInstallRequestEvent(
    Request[ModelInstallAcceptedEvent], frozen=True, kw_only=True, tag="models.install"
):
    """Install a model. Answered once the request is durable, long before the bytes are there."""

    model_id: Identifier


class ModelCancelledEvent(Event, frozen=True, kw_only=True, tag="models.cancelled"):
    """The install was stopped."""

    status: ModelStatus


class ModelCancelRequestEvent(Request[ModelCancelledEvent], frozen=True, kw_only=True, tag="models.cancel"):
    """Stop an install. The partial is kept for a later one unless `drop_partial`."""

    model_id: Identifier
    drop_partial: bool = False


class ModelPausedEvent(Event, frozen=True, kw_only=True, tag="models.paused"):
    """The install is paused, through restarts too, until it is resumed."""

    status: ModelStatus


class ModelPauseRequestEvent(Request[ModelPausedEvent], frozen=True, kw_only=True, tag="models.pause"):
    """Pause an install. Its durable bytes stay. Answered once the pause is durable."""

    model_id: Identifier


class ModelResumedEvent(Event, frozen=True, kw_only=True, tag="models.resumed"):
    """A paused install continues."""

    status: ModelStatus


class ModelResumeRequestEvent(Request[ModelResumedEvent], frozen=True, kw_only=True, tag="models.resume"):
    """Continue a paused install. Answered once that is durable."""

    model_id: Identifier


class PartialFound(msgspec.Struct, frozen=True, kw_only=True):
    """Files of a model that is not installed.

    Attributes:
        model_id: of a model in the manifests, or of one that they no longer name.
        kind: `partial`: an install that is under way or was abandoned. `damaged`: a model put out of use.
        state: state of the model; `partial` for one that no manifest names any more.
        size_bytes: bytes on disk.
        durable_bytes: bytes of the promised files that survive a crash.
        promised_bytes: size of the whole model; 0: not known any more.
        age_seconds: since bytes were last added.
        url_hosts: hosts that its bytes came from; the rest of a URL may hold a secret.
        is_wanted: its install continues, now or when it is resumed.
    """

    model_id: Identifier
    kind: Literal["partial", "damaged"]
    state: ModelState
    size_bytes: Count
    durable_bytes: Count
    promised_bytes: Count
    age_seconds: Seconds
    url_hosts: Many[Word] = []
    is_wanted: bool = False


class PartialsListedEvent(Event, frozen=True, kw_only=True, tag="models.partials_listed"):
    """All partial and damaged models.

    Attributes:
        keep_days: how long unwanted ones are kept, as a person set it; 0: for ever.
    """

    partials: Many[PartialFound]
    keep_days: Count


class PartialsListRequestEvent(
    Request[PartialsListedEvent], frozen=True, kw_only=True, tag="models.partials"
):
    """Ask for all partial and damaged models."""


class PartialsCollectedEvent(Event, frozen=True, kw_only=True, tag="models.collected"):
    """What was removed, or would be with `dry_run`. `problems`: a sentence for each that could not be."""

    removed: Many[PartialFound]
    freed_bytes: Count
    keep_days: Count
    dry_run: bool
    problems: Many[Sentence] = []


class PartialsCollectRequestEvent(
    Request[PartialsCollectedEvent], frozen=True, kw_only=True, tag="models.collect"
):
    """Remove partial and damaged models that no install wants and that are older than the limit.

    Attributes:
        keep_days: the limit for this request; None: that of the settings, where 0 keeps everything.
    """

    dry_run: bool = False
    keep_days: Count | None = None


class ModelRemovalEvent(Event, frozen=True, kw_only=True, tag="models.removal"):
    """What was removed, or would be with `dry_run`."""

    status: ModelStatus
    freed_bytes: Count
    dry_run: bool


class ModelRemoveRequestEvent(Request[ModelRemovalEvent], frozen=True, kw_only=True, tag="models.remove"):
    """Remove an installed model, its former revision, its partial files and its records.

    Attributes:
        wait_seconds: how long it waits for leases to end; then it is refused, and the holders are named.
    """

    model_id: Identifier
    dry_run: bool = False
    wait_seconds: Seconds = 0.0


class FileProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one file is durable.

    Attributes:
        durable_bytes: over all its ranges.
        prefix_bytes: how many of them follow each other from the start of the file, and can be hashed; None:
            all of them.
    """

    path: PlaceText
    durable_bytes: Count
    size_bytes: Count
    prefix_bytes: Count | None = None


class ModelDownloadProgressedEvent(Event, frozen=True, kw_only=True, tag="models.download_progressed"):
    """More bytes of a model are durable. At most ten a second for each model.

    The event has two readers. Frontends show the progress. The model verifier hashes the staged files behind
    the download: it takes `staging_directory` and the `prefix_bytes` of each file from here, and nothing else
    tells it that bytes may be read. A verifier that misses events loses no correctness, only time: it reads
    the rest of the files when it is asked for its verdict.

    Within an attempt, `durable_bytes` and `prefix_bytes` never shrink. Bytes below `prefix_bytes` do not
    change until the attempt ends.

    Attributes:
        attempt: counts from 1. A new attempt may start with fewer bytes, where bytes had to be discarded.
        seconds_left: None: the rate is not known yet.
        staging_directory: directory of the partial files.
        files: one for each file of the model.
    """

    model_id: Identifier
    name: Word
    attempt: Count
    durable_bytes: Count
    size_bytes: Count
    rate_bytes_per_second: Amount
    seconds_left: Seconds | None
    staging_directory: PlaceText
    files: Many[FileProgress]


class ModelStateChangedEvent(Event, frozen=True, kw_only=True, tag="models.state_changed"):
    """The state of a model changed."""

    retained_by: ClassVar[str | None] = "model_id"

    model_id: Identifier
    status: ModelStatus


class ModelInstalledEvent(Event, frozen=True, kw_only=True, tag="models.installed"):
    """A model was verified, and its directory is in place, whole."""

    model_id: Identifier
    name: Word
    directory: PlaceText
    size_bytes: Count
    fetched_bytes: Count
    attempts: Count


class ModelRemovedEvent(Event, frozen=True, kw_only=True, tag="models.removed"):
    """A model was removed from disk on request."""

    model_id: Identifier
    freed_bytes: Count


class VerificationFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One broken promise: where, what was found, what was expected.

    Attributes:
        pieces: numbers of the bad pieces, from 0; only these have to be fetched again. Empty: the manifest
            has no digests of pieces, so the whole file is bad.
    """

    path: PlaceText
    aspect: Literal["missing", "size", "sha256", "unreadable"]
    found: Sentence
    expected: Sentence
    pieces: Many[Count] = []


class FilesVerifiedEvent(Event, frozen=True, kw_only=True, tag="models.files_verified"):
    """The verdict on a directory. No findings: every file keeps its promise.

    Attributes:
        hashed_behind_bytes: bytes that were hashed while the download still ran.
        verified_at: when the oldest of these readings took place, seconds since the Unix epoch; None with
            findings.
    """

    model_id: Identifier
    findings: Many[VerificationFinding]
    hashed_bytes: Count
    hashed_behind_bytes: Count
    seconds: Seconds
    verified_at: UnixSeconds | None = None


class FilesVerifyRequestEvent(
    Request[FilesVerifiedEvent], frozen=True, kw_only=True, tag="models.verify_files"
):
    """Ask the verifier to compare files with what the manifest promises of them.

    Attributes:
        trust_records: do not read files again that look as they did when they were verified.
        idle: read only while nothing else needs the disk and no download runs.
    """

    model_id: Identifier
    directory: PlaceText
    files: Many[FilePromise]
    trust_records: bool = False
    idle: bool = False


class ModelVerdictEvent(Event, frozen=True, kw_only=True, tag="models.verdict"):
    """What a check of an installed model found."""

    status: ModelStatus
    findings: Many[VerificationFinding]


class ModelVerifyRequestEvent(Request[ModelVerdictEvent], frozen=True, kw_only=True, tag="models.verify"):
    """Ask for every byte of an installed model to be hashed again."""

    model_id: Identifier


class ModelVerifiedEvent(Event, frozen=True, kw_only=True, tag="models.verified"):
    """The files of a model keep what its manifest promises."""

    model_id: Identifier
    size_bytes: Count


class ModelVerificationFailedEvent(Event, frozen=True, kw_only=True, tag="models.verification_failed"):
    """The files of a model do not keep what its manifest promises. They are put out of use, not deleted."""

    model_id: Identifier
    findings: Many[VerificationFinding]
