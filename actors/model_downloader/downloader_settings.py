"""The section `models` of the app's settings, as the downloader follows it while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

STREAMS_MOST: Final = 8
VERIFY_EVERY_DAYS: Final = 30.0
KIB: Final = 1024


@dataclass(slots=True)
class DownloaderSettings:
    """The values that apply now.

    Attributes:
        max_streams: connections at once, over all installs.
        rate_bytes_per_second: limit of all connections together; 0 for none.
        mirror_url: base of a mirror that is tried before the URLs of the manifest; empty for none.
        partials_keep_days: how many days an unwanted partial is kept; 0 for ever.
        verify_every_days: how often each installed model is read again; 0 for never.
        offline: no server may be asked.
    """

    max_streams: int = STREAMS_MOST
    rate_bytes_per_second: int = 0
    mirror_url: str = ""
    partials_keep_days: int = 0
    verify_every_days: float = VERIFY_EVERY_DAYS
    offline: bool = False

    def follow(self, settings: Mapping[str, Any]) -> None:
        """Take over what the settings say.

        A missing or senseless value leaves what applied before. Two go back to their defaults instead:
        `offline` and `verify_every_days`.
        """
        section = settings.get("models")
        self.verify_every_days = _days_of(section)
        if not isinstance(section, Mapping):
            return
        if (most := section.get("max_streams")) and isinstance(most, int):
            self.max_streams = max(1, most)
        if isinstance(rate := section.get("rate_limit_kib_per_second"), int):
            self.rate_bytes_per_second = max(0, rate) * KIB
        if isinstance(mirror := section.get("mirror_url"), str):
            self.mirror_url = mirror
        if isinstance(days := section.get("partials_keep_days"), int):
            self.partials_keep_days = max(0, days)
        self.offline = section.get("offline") is True


def _days_of(section: object) -> float:
    days = section.get("verify_every_days") if isinstance(section, Mapping) else None
    is_number = isinstance(days, int | float) and not isinstance(days, bool)
    return float(days) if is_number and days is not None and days >= 0 else VERIFY_EVERY_DAYS
