"""Derives the status of a model from what is known of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from actors.model_downloader.registry.model_on_disk import NOTHING_ON_DISK, ModelOnDisk
from actors.model_downloader.staging.revisions import revision_of, shown_revision
from actors.model_downloader.staging.staging_journal import StagingJournal
from schemas.manifest import ModelEntry
from schemas.models import ModelProblemKind, ModelState, ModelStatus


@dataclass(frozen=True, slots=True)
class InstallReport:
    """What an install last said of itself.

    Attributes:
        state: where it is.
        journal: counts the bytes that are durable.
        problem: what went wrong, in a sentence for people; empty if nothing did.
        problem_kind: of which kind that is.
    """

    state: ModelState
    journal: StagingJournal
    problem: str = ""
    problem_kind: ModelProblemKind = ""

    @property
    def is_running(self) -> bool:
        """Whether the install goes on: only one that failed is remembered after its end."""
        return self.state != "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownModel:
    """Everything that is known of one model.

    Attributes:
        on_disk: what lies on disk of it.
        report: what its install said; None without one.
        damage: what is wrong with the files of the active revision, in a sentence; empty if nothing is.
        problem: what else is in the way, in a sentence; empty if nothing is.
        is_unchecked: the active revision was not compared with its record since the start.
        is_licence_due: a person has to accept its licence before it may be fetched.
        held_by: names of those that hold a lease on it.
    """

    entry: ModelEntry
    on_disk: ModelOnDisk = NOTHING_ON_DISK
    report: InstallReport | None = None
    damage: str = ""
    problem: str = ""
    is_unchecked: bool = False
    is_licence_due: bool = False
    held_by: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether the active revision can be used."""
        return self.on_disk.is_whole and not self.damage


def status_of(known: KnownModel) -> ModelStatus:
    """The status that everybody sees: by the install if there is one, else by what lies on disk."""
    entry, on_disk, report = known.entry, known.on_disk, known.report
    kind: ModelProblemKind = ""
    is_licence_due = False
    if report is not None:
        state, durable_bytes = report.state, report.journal.saved.durable_bytes
        problem, kind = report.problem, report.problem_kind
    else:
        state, durable_bytes = _state_on_disk(known)
        problem = known.problem
        is_licence_due = known.is_licence_due and state not in ("installed", "verifying")
        if state == "damaged":
            problem, kind = known.damage or problem or _damaged_words(entry.id), "damaged"
        elif is_licence_due:
            kind = "licence"
    serves = known.is_sound and not known.is_unchecked and state != "damaged"
    return ModelStatus(
        model_id=entry.id,
        name=entry.name,
        category=entry.category,
        licence=entry.licence,
        state=state,
        size_bytes=entry.size_bytes,
        durable_bytes=entry.size_bytes if state == "installed" else durable_bytes,
        problem=problem,
        problem_kind=kind,
        revision=shown_revision(on_disk.record, entry) if serves else "",
        wanted_revision=revision_of(entry),
        former_revision=shown_revision(on_disk.former, entry) if on_disk.former else "",
        held_by=list(known.held_by),
        licence_due=is_licence_due,
    )


def _state_on_disk(known: KnownModel) -> tuple[ModelState, int]:
    """State and durable bytes of a model that no install speaks of."""
    on_disk, staged = known.on_disk, known.on_disk.partial
    if staged is not None and staged.wanted and staged.paused:
        return "paused", staged.durable_bytes
    if on_disk.is_active:
        if not known.is_sound:
            return "damaged", 0
        return ("verifying" if known.is_unchecked else "installed"), known.entry.size_bytes
    if on_disk.has_partial:
        return "partial", staged.durable_bytes if staged else 0
    return ("damaged" if on_disk.has_damaged else "absent"), 0


def _damaged_words(model_id: str) -> str:
    return (
        f"{model_id}: its files are not those of the manifest; "
        f"run 'undercroft models repair {model_id}' to fetch what is bad"
    )
