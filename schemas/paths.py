"""Directories of an app: which one each category has, who chose it, and how models move to another one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from schemas.bounds import Count, Identifier, Many, PlaceText, Sentence, Word
from schemas.event import ONE_PER_TOPIC, Event, Request

Category = Literal["config", "state", "logs", "models", "tools", "workspace"]
Choosable = Literal["root", "logs", "models", "tools", "workspace"]
"""`root`: one directory with logs, models, tools and workspace below it; a choice for one of these wins over
it. Config and state cannot be chosen, since they hold the choices: `--home` and UNDERCROFT_HOME move them."""

Origin = Literal["platform", "home", "root", "override", "environment"]
"""What decided: the custom of the platform, `--home`, the shared root, a choice for this category alone, or
an environment variable."""

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
    "shared",
]
"""`missing`: it can be created. `removed_drive`: its drive is not connected. `user_data`: models never lie
among user data. `nested`: it is inside, around or the same as that of another category. `held`: another
process owns it. `environment`: a variable decides, so a choice would change nothing. `unreadable`: the file
with the choices, or one of them, cannot be used. `busy`: models are being moved.
`shared`: another user may write to it, or put another in its place."""

PathOffer = Literal["create", "connect", "choose", "reset", "free_space", "wait"]
"""What a person can do: have it created (`create_missing`), connect the drive, choose another directory, go
back to the default, free some space, wait."""

PathAction = Literal["move", "adopt", "anew"]
"""What becomes of the models. `move`: they move along, and matching ones at the new place are kept. `adopt`:
use the matching ones at the new place. `anew`: begin with none. Only `move` removes old files."""

Effect = Literal["now", "next_start"]

PathText = Annotated[str, msgspec.Meta(max_length=4096)]


class PathProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a directory cannot be used.

    Attributes:
        message: a sentence that names the directory and says what to do.
        offers: what a person can do about it, the best first.
    """

    kind: PathProblemKind
    category: Category | Literal["root"]
    path: PlaceText
    message: Sentence
    offers: Many[PathOffer]


class PathStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The directory of one category, and whether it can be used.

    Attributes:
        path: the active directory.
        next_path: the directory from the next start on; empty: the same.
        origin: what decided on it.
        default: the directory without any choice.
        writable: it exists, and its owner may write there.
        free_bytes: on its disk, or on the disk where it would be created; None: not known.
        takes_effect: when a choice for it takes effect.
        problems: empty if it can be used. A default that does not exist yet is no problem.
    """

    category: Category
    path: PlaceText
    next_path: PlaceText
    origin: Origin
    default: PlaceText
    exists: bool
    writable: bool
    free_bytes: Count | None
    takes_effect: Effect
    problems: Many[PathProblem]


class PathsChangedEvent(Event, frozen=True, kw_only=True, tag="paths.changed"):
    """All directories: published at every start, and whenever one of them changed.

    Attributes:
        reason: `start`, `chosen`, or `observed`: a drive came or went, or rights changed.
    """

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    paths: Many[PathStatus]
    reason: Literal["start", "chosen", "observed"]


class PathsListedEvent(Event, frozen=True, kw_only=True, tag="paths.listed"):
    """All directories, examined just now.

    Attributes:
        choices_file: the file that holds the choices.
    """

    paths: Many[PathStatus]
    choices_file: PlaceText


class PathsListRequestEvent(Request[PathsListedEvent], frozen=True, kw_only=True, tag="paths.list"):
    """Ask for all directories. They are examined anew, so this also notices a drive that is back."""


class PathChosenEvent(Event, frozen=True, kw_only=True, tag="paths.chosen"):
    """The outcome of a choice.

    Attributes:
        accepted: the choice is durable, or the move to it is, and survives any crash; with `dry_run`: it
            would be.
        problems: why it was not accepted; empty if it was.
        what_happens: sentences for people.
        paths: the affected categories, as they will be.
        created: directories that were, or would be, created.
        move_bytes: bytes to copy; 0: none.
        move_id: of the move that has begun; empty: the choice is in effect already.
    """

    accepted: bool
    dry_run: bool
    problems: Many[PathProblem]
    what_happens: Many[Sentence]
    paths: Many[PathStatus]
    created: Many[PlaceText]
    move_bytes: Count
    move_id: Identifier = ""


class PathChooseRequestEvent(Request[PathChosenEvent], frozen=True, kw_only=True, tag="paths.choose"):
    """Choose a directory for a category.

    Attributes:
        path: absolute; empty: take the choice back.
        action: what becomes of the models. Files of other categories stay where they are.
        create_missing: create the directory if it is missing.
    """

    category: Choosable
    path: PathText
    action: PathAction = "move"
    create_missing: bool = False
    dry_run: bool = False


class PathsSettledEvent(Event, frozen=True, kw_only=True, tag="paths.settled"):
    """The choice is on disk."""

    paths: Many[PathStatus]


class PathSettleRequestEvent(Request[PathsSettledEvent], frozen=True, kw_only=True, tag="paths.settle"):
    """Put a choice into effect. The owner of the files sends this once they are at the new place.

    Attributes:
        category, path: as they were chosen.
    """

    category: Choosable
    path: PathText


MoveState = Literal["moving", "leaving", "moved", "failed", "cancelled"]
"""`moving`: the old place is in use. `leaving`: the new one is in use, and old files are being removed."""


class PathMoveChangedEvent(Event, frozen=True, kw_only=True, tag="paths.move_changed"):
    """Progress of the models on their way to another directory. At most ten a second.

    Attributes:
        move_id: as in the answer to the choice.
        model_id: the model that is being moved; empty between models.
        moved_bytes: at the new place already, of `total_bytes`; the new place is in use only when all are.
        kept_back: what stays at the old place for now, since a program uses it.
        problem: why the move failed; all models are then at the old place.
    """

    retained_by: ClassVar[str | None] = ONE_PER_TOPIC

    source: PlaceText
    target: PlaceText
    action: PathAction
    state: MoveState
    move_id: Identifier = ""
    model_id: Identifier = ""
    moved_bytes: Count = 0
    total_bytes: Count = 0
    kept_back: Many[PlaceText] = []
    problem: Sentence = ""


class ModelsRelocationEvent(Event, frozen=True, kw_only=True, tag="paths.models_relocation"):
    """The move is on disk and survives any crash; with `dry_run` nothing happened.

    Attributes:
        moved_models: models that will be moved.
        adopted_models: models that are at the new place in full length, and are kept if their hashes match.
        copy_bytes: bytes to copy; 0: both places are on one file system.
        move_id: identifies this move; empty with `dry_run`.
    """

    moved_models: Many[Word]
    adopted_models: Many[Word]
    copy_bytes: Count
    move_id: Identifier = ""


class ModelsRelocateRequestEvent(
    Request[ModelsRelocationEvent], frozen=True, kw_only=True, tag="paths.relocate_models"
):
    """Tell the owner of the models to move to another directory, and then to settle the choice.

    Attributes:
        target: the directory; it exists and is writable.
        category, path: the choice behind the move, to be settled at its end.
    """

    target: PathText
    action: PathAction
    category: Choosable
    path: PathText
    dry_run: bool = False


class PathMoveCancelledEvent(Event, frozen=True, kw_only=True, tag="paths.move_cancelled"):
    """No move is under way. All models are where they were."""

    was_moving: bool


class PathMoveCancelRequestEvent(
    Request[PathMoveCancelledEvent], frozen=True, kw_only=True, tag="paths.cancel_move"
):
    """Stop moving models. Refused once the new place is in use."""


class ModelsRootAdmittedEvent(Event, frozen=True, kw_only=True, tag="paths.models_root_admitted"):
    """The verifier reads models below this directory from now on."""

    directory: PlaceText


class ModelsRootAdmitRequestEvent(
    Request[ModelsRootAdmittedEvent], frozen=True, kw_only=True, tag="paths.admit_models_root"
):
    """Let the verifier read models in another directory. Only the owner of the models asks this.

    Attributes:
        directory: directory of all models. The verifier keeps it until it ends; its next life knows the one
            that is chosen by then.
    """

    directory: PathText
