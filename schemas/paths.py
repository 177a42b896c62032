"""Where the files of an app lie: which directory each category has, who chose it, and how models move to another one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.event import ONE_PER_TOPIC, Event, Request

Category = Literal["config", "state", "logs", "models", "tools", "workspace"]
Choosable = Literal["root", "logs", "models", "tools", "workspace"]
"""`root`: one directory with logs, models, tools and workspace below it, where no choice of their own wins over it. Config and
state are not chosen, since the choices are kept there: `--home` and UNDERCROFT_HOME move them."""

Origin = Literal["platform", "home", "root", "override", "environment"]
"""Who decided: the platform's custom, `--home`, the shared root, a choice for this category alone, or an environment variable."""

PathProblemKind = Literal[
    "missing",
    "removed_drive",
    "not_a_directory",
    "not_writable",
    "relative",
    "user_data",
    "nested",
    "space",
    "held",
    "environment",
    "unreadable",
    "busy",
]
"""`missing`: can be created. `removed_drive`: the drive it is on is not there. `user_data`: models never lie there. `nested`: in,
around or the same as another category's. `held`: another process owns it. `environment`: a variable decides,
so that a choice would change nothing. `unreadable`: the file with the choices, or one of them, cannot be
taken. `busy`: models
are being moved."""

PathOffer = Literal["create", "connect", "choose", "reset", "free_space", "wait"]
"""What a person can do: have it created (`create_missing`), connect the drive, choose another, go back to the default, make room, wait."""

PathAction = Literal["move", "adopt", "anew"]
"""What is done with what is there. `move`: models are brought along, and what lies at the new place and matches is kept.
`adopt`: use what lies at the new place and matches. `anew`: begin without any. With the last two nothing is
    removed at the old place."""

Effect = Literal["now", "next_start"]

PathText = Annotated[str, msgspec.Meta(max_length=4096)]


class PathProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a directory cannot be used.

    Attributes:
        message: a sentence that names the directory and says what to do.
        offers: what a person can do about it, the first one first.
    """

    kind: PathProblemKind
    category: Category | Literal["root"]
    path: str
    message: str
    offers: list[PathOffer]


class PathStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One category: where it lies and whether that can be used.

    Attributes:
        path: the active directory.
        next_path: where it will lie from the next start on; empty if that is the same.
        default: where it lies if nobody chooses.
        writable: it exists, and its owner may write there.
        free_bytes: on its disk, or on that where it would be created; None if that is not known.
        takes_effect: when a choice for it counts.
        problems: empty if all is well. A default that was not created yet is well.
    """

    category: Category
    path: str
    next_path: str
    origin: Origin
    default: str
    exists: bool
    writable: bool
    free_bytes: int | None
    takes_effect: Effect
    problems: list[PathProblem]


class PathsChangedEvent(Event, frozen=True, kw_only=True, tag="paths.changed"):
    """Where everything lies, whenever any of it is other than it was; also once at every start.

    Attributes:
        reason: `start`, `chosen`, or `observed`: a drive came or went, rights changed.
    """

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    paths: list[PathStatus]
    reason: Literal["start", "chosen", "observed"]


class PathsListedEvent(Event, frozen=True, kw_only=True, tag="paths.listed"):
    """Every category, looked at just now.

    Attributes:
        choices_file: where the choices are kept.
    """

    paths: list[PathStatus]
    choices_file: str


class PathsListRequestEvent(Request[PathsListedEvent], frozen=True, kw_only=True, tag="paths.list"):
    """Ask where everything lies. It is looked at anew, so this also notices a drive that is back."""


class PathChosenEvent(Event, frozen=True, kw_only=True, tag="paths.chosen"):
    """What comes of a choice.

    Attributes:
        accepted: the choice is durable, or the move to it is and goes on through any crash; with `dry_run`:
            it would be.
        problems: why not; empty if it was accepted.
        what_happens: sentences for people.
        paths: the categories that are concerned, as they will be.
        created: directories that were, or would be, created.
        move_bytes: how much has to be copied; 0 if nothing has to.
        move_id: of the move that has begun; empty if the choice counts already.
    """

    accepted: bool
    dry_run: bool
    problems: list[PathProblem]
    what_happens: list[str]
    paths: list[PathStatus]
    created: list[str]
    move_bytes: int
    move_id: str = ""


class PathChooseRequestEvent(Request[PathChosenEvent], frozen=True, kw_only=True, tag="paths.choose"):
    """Choose a directory for a category; from the readiness flow and from the settings alike.

    Attributes:
        path: absolute; empty goes back to what applies without this choice.
        action: what to do with the models; the other categories leave what is there where it is.
        create_missing: create the directory if it is missing.
    """

    category: Choosable
    path: PathText
    action: PathAction = "move"
    create_missing: bool = False
    dry_run: bool = False


class PathsSettledEvent(Event, frozen=True, kw_only=True, tag="paths.settled"):
    """The choice is on disk."""

    paths: list[PathStatus]


class PathSettleRequestEvent(Request[PathsSettledEvent], frozen=True, kw_only=True, tag="paths.settle"):
    """Asked by whoever owns the files, once they are at the new place: from here on it counts.

    Attributes:
        category, path: as they were chosen.
    """

    category: Choosable
    path: PathText


MoveState = Literal["moving", "leaving", "moved", "failed", "cancelled"]
"""`moving`: the old place serves. `leaving`: the new one serves, and what was moved is being removed at the old one."""


class PathMoveChangedEvent(Event, frozen=True, kw_only=True, tag="paths.move_changed"):
    """How far the models are on their way to another directory. At most ten a second.

    Attributes:
        move_id: as the answer to the choice said it.
        model_id: which model is being brought over; empty between models.
        moved_bytes: at the new place already, of `total_bytes`; they count only once all of it does.
        kept_back: what stays at the old place for now, since a program has it in use.
        problem: why it failed; all models are at the old place then.
    """

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    source: str
    target: str
    action: PathAction
    state: MoveState
    move_id: str = ""
    model_id: str = ""
    moved_bytes: int = 0
    total_bytes: int = 0
    kept_back: list[str] = []
    problem: str = ""


class ModelsRelocationEvent(Event, frozen=True, kw_only=True, tag="paths.models_relocation"):
    """The move is on disk and goes on through any crash; with `dry_run` nothing happened.

    Attributes:
        moved_models: what will be brought over.
        adopted_models: what lies at the new place in its full length already, and is kept there if its hashes
            match.
        copy_bytes: to be copied; 0 where both places are on one file system.
        move_id: tells this move from others; empty with `dry_run`.
    """

    moved_models: list[str]
    adopted_models: list[str]
    copy_bytes: int
    move_id: str = ""


class ModelsRelocateRequestEvent(
    Request[ModelsRelocationEvent], frozen=True, kw_only=True, tag="paths.relocate_models"
):
    """Asked of the owner of the models: go over to another directory, then have the choice settled.

    Attributes:
        target: the directory; it exists and can be written to.
        category, path: the choice that brought this about, to be settled at the end.
    """

    target: PathText
    action: PathAction
    category: Choosable
    path: PathText
    dry_run: bool = False


class PathMoveCancelledEvent(Event, frozen=True, kw_only=True, tag="paths.move_cancelled"):
    """No models are on the way (any more); all are where they were."""

    was_moving: bool


class PathMoveCancelRequestEvent(
    Request[PathMoveCancelledEvent], frozen=True, kw_only=True, tag="paths.cancel_move"
):
    """Stop moving models; refused once the new place serves."""


class ModelsRootAdmittedEvent(Event, frozen=True, kw_only=True, tag="paths.models_root_admitted"):
    """Directories below it are looked into from now on."""

    directory: str


class ModelsRootAdmitRequestEvent(
    Request[ModelsRootAdmittedEvent], frozen=True, kw_only=True, tag="paths.admit_models_root"
):
    """Asked of the verifier by the owner of the models, before models in another directory can be verified.

    Attributes:
        directory: of all models; it counts until the verifier ends, and its next life knows the one that was
            chosen by then.
    """

    directory: PathText
