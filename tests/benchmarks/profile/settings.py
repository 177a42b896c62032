"""Settings of an imaginary app."""

from __future__ import annotations

from pydantic import BaseModel


class Settings(BaseModel):
    """One section is enough."""

    volume: int = 5
