"""Decides whether an install fits on the disk beside those that run already: each reserves what it has yet to write. Pure."""

from __future__ import annotations

from actors.model_downloader.transfer.flush_policy import missing_bytes


class SpaceReservations:
    """What the running installs have yet to write."""

    def __init__(self) -> None:
        self._reserved: dict[str, int] = {}

    def missing(self, model_id: str, needed_bytes: int, free_bytes: int) -> int:
        """How much more space it takes for a model besides what is reserved for the others; 0 if it fits.

        Args:
            model_id: whose install asks; what it reserved itself does not count against it.
            needed_bytes: what it has yet to write.
            free_bytes: what the disk has left now.
        """
        others = sum(count for other, count in self._reserved.items() if other != model_id)
        return missing_bytes(needed_bytes, free_bytes - others)

    def reserve(self, model_id: str, needed_bytes: int) -> None:
        """An install has so much yet to write; as it writes it reserves less."""
        self._reserved[model_id] = max(0, needed_bytes)

    def release(self, model_id: str) -> None:
        """An install is over."""
        self._reserved.pop(model_id, None)

    @property
    def reserved_bytes(self) -> int:
        """Over all installs."""
        return sum(self._reserved.values())
