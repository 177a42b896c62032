"""Installed models in use: leases that keep a revision where it is, the way back to the former one, and repair."""

from __future__ import annotations

from typing import Annotated

import msgspec

from schemas.event import Event, Request
from schemas.models import ModelStatus

LEASE_SECONDS_LIMIT = 7 * 86_400.0
HolderName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One holder's claim on the revision of a model that was active when it was given.

    Attributes:
        holder: its name, as a person should read it.
        instance: of the peer whose life ends it; empty if only time does.
        since: seconds since the Unix epoch.
        until: when it ends unless it is renewed, seconds since the Unix epoch; None: with its peer.
    """

    lease_id: str
    model_id: str
    holder: HolderName
    instance: str
    revision: str
    since: float
    until: float | None


class ModelLeasedEvent(Event, frozen=True, kw_only=True, tag="models.leased"):
    """The model stays as it is, where it is, until the lease ends: removal, update and rollback wait.

    Attributes:
        directory: where its files lie; valid as long as the lease.
    """

    lease: Lease
    directory: str


class ModelLeaseRequestEvent(Request[ModelLeasedEvent], frozen=True, kw_only=True, tag="models.lease"):
    """Ask to hold an installed model in use.

    Attributes:
        holder: name that others are told while they wait.
        instance: of the peer that asks (`peer.instance`): the lease then ends when that peer leaves the bus,
            or was not seen for a while. Without one it ends after `ttl_seconds`.
        ttl_seconds: how long it lasts without being renewed; ignored for a lease that is bound to a peer.
        lease_id: renew this lease instead of asking for a new one.
    """

    model_id: str
    holder: HolderName
    instance: Annotated[str, msgspec.Meta(max_length=100)] = ""
    ttl_seconds: Annotated[float, msgspec.Meta(gt=0, le=LEASE_SECONDS_LIMIT)] = 60.0
    lease_id: Annotated[str, msgspec.Meta(max_length=100)] = ""


class ModelReleasedEvent(Event, frozen=True, kw_only=True, tag="models.released"):
    """The lease has ended; so it had if it was not known (any more)."""

    model_id: str
    was_held: bool


class ModelReleaseRequestEvent(Request[ModelReleasedEvent], frozen=True, kw_only=True, tag="models.release"):
    """Give a lease back."""

    model_id: str
    lease_id: str


class ModelRolledBackEvent(Event, frozen=True, kw_only=True, tag="models.rolled_back"):
    """The former revision of a model is active again, and the one that was active is kept as the former one."""

    status: ModelStatus


class ModelRollbackRequestEvent(
    Request[ModelRolledBackEvent], frozen=True, kw_only=True, tag="models.rollback"
):
    """Ask for the former revision, which is verified first.

    Attributes:
        wait_seconds: for so long the rollback waits for those who hold a lease; then it is refused, and they
            are named.
    """

    model_id: str
    wait_seconds: float = 0.0


class ModelRepairAcceptedEvent(Event, frozen=True, kw_only=True, tag="models.repair_accepted"):
    """What is sound of a damaged model is staged again, and what is not is being fetched.

    Attributes:
        kept_bytes: of files, and pieces of files, that need not be fetched.
    """

    status: ModelStatus
    kept_bytes: int


class ModelRepairRequestEvent(
    Request[ModelRepairAcceptedEvent], frozen=True, kw_only=True, tag="models.repair"
):
    """Ask for a damaged model to be made whole, fetching only what is bad."""

    model_id: str
