"""Installed models in use: leases that hold a revision in place, rollback to the former one, and repair."""

from __future__ import annotations

from typing import Annotated

import msgspec

from schemas.bounds import Count, Identifier, PlaceText, Seconds, UnixSeconds
from schemas.event import Event, Request
from schemas.models import ModelStatus

LEASE_SECONDS_LIMIT = 7 * 86_400.0
HolderName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A holder's claim on the revision of a model that was active when the lease was given.

    Attributes:
        holder: name for people.
        instance: of the peer with which the lease ends; empty: only time ends it.
        since: seconds since the Unix epoch.
        until: when it ends unless it is renewed, seconds since the Unix epoch; None: it ends with its peer.
    """

    lease_id: Identifier
    model_id: Identifier
    holder: HolderName
    instance: Identifier
    revision: Identifier
    since: UnixSeconds
    until: UnixSeconds | None


class ModelLeasedEvent(Event, frozen=True, kw_only=True, tag="models.leased"):
    """The model stays unchanged and in place until the lease ends: removal, update and rollback wait.

    Attributes:
        directory: directory of its files; valid until the lease ends.
    """

    lease: Lease
    directory: PlaceText


class ModelLeaseRequestEvent(Request[ModelLeasedEvent], frozen=True, kw_only=True, tag="models.lease"):
    """Hold an installed model in use.

    Attributes:
        holder: name that is shown to those who wait.
        instance: public instance of the peer that asks: the lease then ends when that peer leaves the bus,
            or was not seen for a while. Empty: it ends after `ttl_seconds`.
        ttl_seconds: how long it lasts without being renewed; ignored for a lease that is bound to a peer.
        lease_id: renew this lease; empty: a new one.
    """

    model_id: Identifier
    holder: HolderName
    instance: Annotated[str, msgspec.Meta(max_length=100)] = ""
    ttl_seconds: Annotated[float, msgspec.Meta(gt=0, le=LEASE_SECONDS_LIMIT)] = 60.0
    lease_id: Annotated[str, msgspec.Meta(max_length=100)] = ""


class ModelReleasedEvent(Event, frozen=True, kw_only=True, tag="models.released"):
    """The lease has ended. `was_held`: it was known until now."""

    model_id: Identifier
    was_held: bool


class ModelReleaseRequestEvent(Request[ModelReleasedEvent], frozen=True, kw_only=True, tag="models.release"):
    """Give a lease back."""

    model_id: Identifier
    lease_id: Identifier


class ModelRolledBackEvent(Event, frozen=True, kw_only=True, tag="models.rolled_back"):
    """The former revision of a model is active again; the one that was active is now the former one."""

    status: ModelStatus


class ModelRollbackRequestEvent(
    Request[ModelRolledBackEvent], frozen=True, kw_only=True, tag="models.rollback"
):
    """Return to the former revision. It is verified first.

    Attributes:
        wait_seconds: how long it waits for leases to end; then it is refused, and the holders are named.
    """

    model_id: Identifier
    wait_seconds: Seconds = 0.0


class ModelRepairAcceptedEvent(Event, frozen=True, kw_only=True, tag="models.repair_accepted"):
    """The sound parts of a damaged model are staged again, and the rest is being fetched.

    Attributes:
        kept_bytes: bytes of files and pieces that need not be fetched.
    """

    status: ModelStatus
    kept_bytes: Count


class ModelRepairRequestEvent(
    Request[ModelRepairAcceptedEvent], frozen=True, kw_only=True, tag="models.repair"
):
    """Repair a damaged model. Only what is bad is fetched."""

    model_id: Identifier
