"""Who holds which installed model in use, and until when. The book is pure; its file makes it survive the downloader."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from actors.shared.durable.durable_write import remove_file, replace_file
from actors.shared.durable.quarantine import quarantine
from schemas.leases import Lease, ModelLeaseRequestEvent

LEASES_NAME = ".undercroft.leases.json"
LEASES_LIMIT_BYTES = 1024 * 1024
LEASES_LIMIT = 1000
ABSENCE_SECONDS = 10.0
"""A peer that has not said farewell may be back: it, or the broker, lost a connection. After so long its leases end."""


class LeaseBook:
    """The leases of all models."""

    def __init__(self, leases: Collection[Lease] = ()) -> None:
        self._leases = {lease.lease_id: lease for lease in leases}
        self._missed_since: dict[str, float] = {}

    def all(self) -> list[Lease]:
        """Every lease, the oldest first."""
        return sorted(self._leases.values(), key=lambda lease: lease.since)

    def holders(self, model_id: str) -> list[str]:
        """Names of those who hold a model, each once."""
        return list(dict.fromkeys(lease.holder for lease in self.all() if lease.model_id == model_id))

    @property
    def is_full(self) -> bool:
        """Whether no more leases are given."""
        return len(self._leases) >= LEASES_LIMIT

    def grant(self, request: ModelLeaseRequestEvent, revision: str, lease_id: str, now: float) -> Lease:
        """Give a lease, or renew the one that is asked for if it still stands; `lease_id` is that of a new one."""
        known = self._leases.get(request.lease_id)
        if known is not None and known.model_id != request.model_id:
            known = None
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
        lease = self._leases.get(lease_id)
        if lease is None or lease.model_id != model_id:
            return False
        self._drop([lease])
        return True

    def expire(self, now: float) -> list[Lease]:
        """End the leases whose time is over; returns them."""
        return self._drop([lease for lease in self.all() if lease.until is not None and lease.until <= now])

    def peer_left(self, instance: str, said_bye: bool, now: float) -> list[Lease]:
        """A peer is gone: its leases end at once if it said so, and are missed from now on if it may be back. Returns those that end."""
        theirs = [lease for lease in self.all() if lease.instance and lease.instance == instance]
        if said_bye:
            return self._drop(theirs)
        for lease in theirs:
            self._missed_since.setdefault(lease.lease_id, now)
        return []

    def peers_seen(self, instances: Collection[str], now: float) -> list[Lease]:
        """These peers are there: the leases of those that were missed for too long end. Returns these."""
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


def read_leases(root: Path) -> tuple[list[Lease], Path | None]:
    """The leases that were given before, and the name of the file if it cannot be read and was put aside: then nobody holds anything."""
    path = root / LEASES_NAME
    try:
        with path.open("rb") as file:
            content = file.read(LEASES_LIMIT_BYTES + 1)
        return msgspec.json.decode(content, type=list[Lease]), None
    except FileNotFoundError:
        return [], None
    except (msgspec.DecodeError, RecursionError):
        return [], quarantine(path)


def write_leases(root: Path, leases: Collection[Lease]) -> None:
    """Make the leases durable; without any there is no file.

    Raises:
        DurableWriteFailed: they could not be written.
        OSError: the file could not be removed.
    """
    if leases:
        replace_file(root / LEASES_NAME, msgspec.json.encode(list(leases)))
    else:
        remove_file(root / LEASES_NAME)
