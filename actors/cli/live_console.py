"""A console of rich that shows the texts of others as text: no escapes, no markup, no links."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from actors.cli.terminal import cleaned, unguarded


class LiveConsole(Console):
    """Console on stdout. Its own movements of the cursor pass; every text is cleaned as it is rendered."""

    def __init__(self) -> None:
        super().__init__(file=unguarded(sys.stdout), markup=False, emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, and clean each text."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(cleaned(segment.text), segment.style)
