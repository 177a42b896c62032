"""Models: commands to install, remove and verify them, and what happens to them."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from schemas.event import Event, Request
from schemas.manifest import FilePromise

ModelState = Literal[
    "absent", "queued", "downloading", "paused", "partial", "verifying", "installed", "damaged", "failed"
]
"""`partial`: some bytes are staged and nobody is fetching more. `paused`: the same on a person's word, and it stays so through
restarts until they resume it. `failed`: gave up, the reason is with the state."""

ProblemKind = Literal[
    "", "network", "server", "mismatch", "refused", "disk", "space", "damaged", "licence", "held"
]
"""`space`: the disk is full. `mismatch`: the bytes are not those that were promised. `held`: a lease is in the way."""


class ModelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where one model stands.

    Attributes:
        durable_bytes: bytes that a crash cannot take away; `size_bytes` once installed.
        problem: why the model failed or is damaged, and what to do; empty otherwise.
        problem_kind: what kind of problem, so that a frontend can tell them apart; empty without one.
        revision: which revision serves; empty while none is installed.
        wanted_revision: which one the manifest names now; another than `revision` while an update is due or
            under way.
        former_revision: which one a rollback would bring back; empty for none.
        held_by: names of the peers that hold a lease on it.
        licence_due: its licence has to be accepted before it can be installed.
    """

    model_id: str
    name: str
    category: str
    licence: str
    state: ModelState
    size_bytes: int
    durable_bytes: int
    problem: str = ""
    problem_kind: ProblemKind = ""
    revision: str = ""
    wanted_revision: str = ""
    former_revision: str = ""
    held_by: list[str] = []
    licence_due: bool = False


class ModelsListedEvent(Event, frozen=True, kw_only=True, tag="models.listed"):
    """Every model of the manifest, with its state."""

    models: list[ModelStatus]
    models_directory: str


class ModelsListRequestEvent(Request[ModelsListedEvent], frozen=True, kw_only=True, tag="models.list"):
    """Ask which models there are and where each stands."""


class ModelInstallAcceptedEvent(Event, frozen=True, kw_only=True, tag="models.install_accepted"):
    """The wish is on disk: the install goes on through any crash, until it is done, failed or cancelled."""

    status: ModelStatus


class ModelInstallRequestEvent(
    Request[ModelInstallAcceptedEvent], frozen=True, kw_only=True, tag="models.install"
):
    """Ask for a model; answered once the wish is durable, long before the bytes are there."""

    model_id: str


class ModelCancelledEvent(Event, frozen=True, kw_only=True, tag="models.cancelled"):
    """The install goes on no more."""

    status: ModelStatus


class ModelCancelRequestEvent(Request[ModelCancelledEvent], frozen=True, kw_only=True, tag="models.cancel"):
    """Stop an install. The partial is kept for a later one unless `drop_partial`."""

    model_id: str
    drop_partial: bool = False


class ModelPausedEvent(Event, frozen=True, kw_only=True, tag="models.paused"):
    """The install rests, through restarts too, until it is resumed."""

    status: ModelStatus


class ModelPauseRequestEvent(Request[ModelPausedEvent], frozen=True, kw_only=True, tag="models.pause"):
    """Let an install rest. What is durable of it stays; answered once the word is durable."""

    model_id: str


class ModelResumedEvent(Event, frozen=True, kw_only=True, tag="models.resumed"):
    """A paused install goes on."""

    status: ModelStatus


class ModelResumeRequestEvent(Request[ModelResumedEvent], frozen=True, kw_only=True, tag="models.resume"):
    """Let a paused install go on. Answered once the word is durable."""

    model_id: str


class PartialFound(msgspec.Struct, frozen=True, kw_only=True):
    """What lies on disk of a model that is not installed.

    Attributes:
        model_id: of the manifest, or of a model that it no longer names.
        kind: `partial`: an install that is under way or was left. `damaged`: a model that was put out of use.
        state: state of the model; `partial` for one that the manifest no longer names.
        size_bytes: bytes it takes on disk.
        durable_bytes: bytes of the promised files that a crash cannot take away.
        promised_bytes: size of the whole model; 0 if that is not known any more.
        age_seconds: since its bytes were last added to.
        url_hosts: where its bytes came from, hosts only: the rest of a URL may hold a secret.
        is_wanted: its install goes on, now or when it is resumed.
    """

    model_id: str
    kind: Literal["partial", "damaged"]
    state: ModelState
    size_bytes: int
    durable_bytes: int
    promised_bytes: int
    age_seconds: float
    url_hosts: list[str] = []
    is_wanted: bool = False


class PartialsListedEvent(Event, frozen=True, kw_only=True, tag="models.partials_listed"):
    """Everything that lies beside the installed models.

    Attributes:
        keep_days: the rule that a person set for what nobody wants; 0 keeps it for ever.
    """

    partials: list[PartialFound]
    keep_days: int


class PartialsListRequestEvent(
    Request[PartialsListedEvent], frozen=True, kw_only=True, tag="models.partials"
):
    """Ask what lies beside the installed models, and how old it is."""


class PartialsCollectedEvent(Event, frozen=True, kw_only=True, tag="models.collected"):
    """What was removed, or would be with `dry_run`; `problems` has one sentence for each that could not be."""

    removed: list[PartialFound]
    freed_bytes: int
    keep_days: int
    dry_run: bool
    problems: list[str] = []


class PartialsCollectRequestEvent(
    Request[PartialsCollectedEvent], frozen=True, kw_only=True, tag="models.collect"
):
    """Remove what lies beside the installed models, is wanted by nobody and is older than a rule says.

    Attributes:
        keep_days: the rule for this once; None for the one in the settings, where 0 keeps everything.
    """

    dry_run: bool = False
    keep_days: int | None = None


class ModelRemovalEvent(Event, frozen=True, kw_only=True, tag="models.removal"):
    """What was removed, or would be with `dry_run`."""

    status: ModelStatus
    freed_bytes: int
    dry_run: bool


class ModelRemoveRequestEvent(Request[ModelRemovalEvent], frozen=True, kw_only=True, tag="models.remove"):
    """Remove an installed model, its former revision, its partial and its records.

    Attributes:
        wait_seconds: for so long the removal waits for those who hold a lease; then it is refused, and they
            are named.
    """

    model_id: str
    dry_run: bool = False
    wait_seconds: float = 0.0


class FileProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one file is durable.

    Attributes:
        durable_bytes: over all its ranges.
        prefix_bytes: so many of them follow each other from the start of the file, and can be hashed; None if
            all do.
    """

    path: str
    durable_bytes: int
    size_bytes: int
    prefix_bytes: int | None = None


class ModelDownloadProgressedEvent(Event, frozen=True, kw_only=True, tag="models.download_progressed"):
    """More bytes of a model are durable. At most ten a second for each model; never goes back within an attempt.

    Attributes:
        attempt: counts from 1; a new attempt may start from fewer bytes, since it may have had to discard
            some.
        seconds_left: None while the rate is not known yet.
        staging_directory: where the partial files lie.
    """

    model_id: str
    name: str
    attempt: int
    durable_bytes: int
    size_bytes: int
    rate_bytes_per_second: float
    seconds_left: float | None
    staging_directory: str
    files: list[FileProgress]


class ModelStateChangedEvent(Event, frozen=True, kw_only=True, tag="models.state_changed"):
    """A model is in another state."""

    retained_by: ClassVar[str | None] = "model_id"

    model_id: str
    status: ModelStatus


class ModelInstalledEvent(Event, frozen=True, kw_only=True, tag="models.installed"):
    """A model was verified and is visible under its name, whole."""

    model_id: str
    name: str
    directory: str
    size_bytes: int
    fetched_bytes: int
    attempts: int


class ModelRemovedEvent(Event, frozen=True, kw_only=True, tag="models.removed"):
    """A model is gone from disk on somebody's word."""

    model_id: str
    freed_bytes: int


class VerificationFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One broken promise: where, what was found, what was expected.

    Attributes:
        pieces: numbers of the bad pieces, from 0, where the promise knows the digests of pieces: only these
            have to be fetched again. Empty: nothing is known of pieces, so that the whole file is bad.
    """

    path: str
    aspect: Literal["missing", "size", "sha256", "unreadable"]
    found: str
    expected: str
    pieces: list[int] = []


class FilesVerifiedEvent(Event, frozen=True, kw_only=True, tag="models.files_verified"):
    """Verdict over a directory: no findings means that every file keeps its promise.

    Attributes:
        hashed_behind_bytes: bytes that were hashed while the download still ran.
        verified_at: when the file that was read longest ago was read, seconds since the Unix epoch; None with
            findings.
    """

    model_id: str
    findings: list[VerificationFinding]
    hashed_bytes: int
    hashed_behind_bytes: int
    seconds: float
    verified_at: float | None = None


class FilesVerifyRequestEvent(
    Request[FilesVerifiedEvent], frozen=True, kw_only=True, tag="models.verify_files"
):
    """Ask the verifier to compare files with what the manifest promised of them.

    Attributes:
        trust_records: files that look as they did when they were verified need not be read again.
        idle: there is time: read only while nothing else wants the disk, and not while a download runs.
    """

    model_id: str
    directory: str
    files: list[FilePromise]
    trust_records: bool = False
    idle: bool = False


class ModelVerdictEvent(Event, frozen=True, kw_only=True, tag="models.verdict"):
    """What a check of an installed model found."""

    status: ModelStatus
    findings: list[VerificationFinding]


class ModelVerifyRequestEvent(Request[ModelVerdictEvent], frozen=True, kw_only=True, tag="models.verify"):
    """Ask for every byte of an installed model to be hashed again."""

    model_id: str


class ModelVerifiedEvent(Event, frozen=True, kw_only=True, tag="models.verified"):
    """The files of a model keep what its manifest promised."""

    model_id: str
    size_bytes: int


class ModelVerificationFailedEvent(Event, frozen=True, kw_only=True, tag="models.verification_failed"):
    """The files of a model do not keep what its manifest promised; they are out of use, not deleted."""

    model_id: str
    findings: list[VerificationFinding]
