"""Who holds which installed model, and until when. The book is pure; its file survives the downloader."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from actors.shared.durable.record_file import RecordFile
from actors.shared.places.rooted_place import AnyPlace
from schemas.bounds import Many
from schemas.leases import Lease, ModelLeaseRequestEvent

LEASES_NAME: Final = ".undercroft.leases.json"
LEASES_LIMIT_BYTES: Final = 1024 * 1024
LEASES_LIMIT: Final = 1000
ABSENCE_SECONDS: Final = 10.0
"""How long the leases of a peer that left without a farewell stand: it may only have lost its connection."""


class LeaseBook:
    """The leases of all models."""

    def __init__(self, leases: Collection[Lease] = ()) -> None:
        self._leases = {lease.lease_id: lease for lease in leases}
        self._missed_since: dict[str, float] = {}

    def all(self) -> list[Lease]:
        """Every lease, the oldest first."""
        return sorted(self._leases.values(), key=lambda lease: lease.since)

    def holders(self, model_id: str) -> list[str]:
        """Names of those that hold a model, each once."""
        return list(dict.fromkeys(lease.holder for lease in self.all() if lease.model_id == model_id))

    def find(self, model_id: str, lease_id: str) -> Lease | None:
        """The lease on a model that has this id; None: there is none."""
        lease = self._leases.get(lease_id)
        return lease if lease is not None and lease.model_id == model_id else None

    def restore(self, lease: Lease) -> None:
        """Have a lease stand as it stood before it was renewed."""
        self._leases[lease.lease_id] = lease

    @property
    def is_full(self) -> bool:
        """Whether no more leases are given."""
        return len(self._leases) >= LEASES_LIMIT

    def grant(self, request: ModelLeaseRequestEvent, revision: str, lease_id: str, now: float) -> Lease:
        """Give a lease, or renew the one that the request names.

        Args:
            request: names the model and the holder.
            revision: is active now.
            lease_id: of a new lease.
            now: seconds since the Unix epoch.
        """
        known = self.find(request.model_id, request.lease_id)
        lease = Lease(
            lease_id=known.lease_id if known else lease_id,
            model_id=request.model_id,
            holder=request.holder,
            instance=request.instance,
            revision=revision,
            since=known.since if known else now,
            until=None if request.instance else now + request.ttl_seconds,
        )
        self._leases[lease.lease_id] = lease
        self._missed_since.pop(lease.lease_id, None)
        return lease

    def release(self, model_id: str, lease_id: str) -> bool:
        """End a lease; returns whether there was one."""
        lease = self.find(model_id, lease_id)
        if lease is None:
            return False
        self._drop([lease])
        return True

    def expire(self, now: float) -> list[Lease]:
        """End the leases whose time is over; returns them."""
        return self._drop([lease for lease in self.all() if lease.until is not None and lease.until <= now])

    def peer_left(self, instance: str, said_bye: bool, now: float) -> list[Lease]:
        """A peer is gone; returns the leases that end with it.

        After a farewell they end at once. Without one the peer may be back: it is missed from now on.
        """
        theirs = [lease for lease in self.all() if lease.instance and lease.instance == instance]
        if said_bye:
            return self._drop(theirs)
        for lease in theirs:
            self._missed_since.setdefault(lease.lease_id, now)
        return []

    def peers_seen(self, instances: Collection[str], now: float) -> list[Lease]:
        """These peers are on the bus; returns the leases that end because theirs is missed for too long."""
        for lease in self.all():
            if lease.instance in instances or not lease.instance:
                self._missed_since.pop(lease.lease_id, None)
            else:
                self._missed_since.setdefault(lease.lease_id, now)
        return self._drop(
            [
                lease
                for lease in self.all()
                if now - self._missed_since.get(lease.lease_id, now) >= ABSENCE_SECONDS
            ]
        )

    def next_end(self) -> float | None:
        """When the next lease ends by itself; None if none does."""
        return min((lease.until for lease in self._leases.values() if lease.until is not None), default=None)

    def _drop(self, ended: list[Lease]) -> list[Lease]:
        for lease in ended:
            del self._leases[lease.lease_id]
            self._missed_since.pop(lease.lease_id, None)
        return ended


class LeaseFile:
    """The leases of a directory of models, in a file inside it, so that they survive the downloader."""

    def __init__(self, models: AnyPlace) -> None:
        self._record = RecordFile(models / LEASES_NAME, Many[Lease], limit_bytes=LEASES_LIMIT_BYTES)

    def read(self) -> list[Lease]:
        """The leases that were given before; none if the file is damaged, which is put aside.

        Raises:
            RecordNotRead: the file cannot be read, or not be put aside.
        """
        return self._record.read_or_quarantine().value or []

    def write(self, leases: Collection[Lease]) -> None:
        """Make the leases durable; without any there is no file.

        Raises:
            RecordTooLarge, DurableWriteFailed: they could not be written.
            OSError: the file could not be removed.
        """
        if leases:
            self._record.write(list(leases))
        else:
            self._record.remove()
