"""What the settings say when an actor starts: what asks servers must know first whether it may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import anyio

from bus.client import Peer
from schemas.config import SettingsChangedEvent

SETTINGS_SECONDS: Final = 5.0
"""How long a start waits for the settings where a config store starts beside it."""


async def settings_at_start(peer: Peer, *, awaited: bool) -> Mapping[str, Any] | None:
    """The settings that apply now; None: nobody published any.

    Args:
        peer: of the actor.
        awaited: somebody is about to publish them, so wait for that.

    Raises:
        RequestFailed: the broker does not answer.
    """
    if not awaited:
        retained = await peer.retained(SettingsChangedEvent)
        return retained[-1].settings if retained else None
    async with peer.subscribe(SettingsChangedEvent) as events:
        with anyio.move_on_after(SETTINGS_SECONDS):
            async for event in events:
                if isinstance(event, SettingsChangedEvent):
                    return event.settings
    return None
