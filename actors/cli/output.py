"""Prints the answer of a command: JSON for a program, text for a person."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from actors.cli.options import Target


def print_json(value: Any) -> None:
    """Print one JSON document on one line."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def print_answer(target: Target, answer: Any, text: str) -> None:
    """Print the answer as JSON with --json, else the text."""
    if target.as_json:
        print_json(answer)
    else:
        print(text)
