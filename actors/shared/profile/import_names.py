"""Finds packages of an app that Python would never import, because Undercroft has packages of these names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

OWN_ROOT: Final = Path(__file__).parents[3]
OWN_PACKAGES: Final = ("actors", "bus", "schemas")


def hidden_packages(directory: Path) -> list[str]:
    """Names of top-level packages and modules in a directory that Undercroft's own hide.

    An app's directory is appended to the module search path, behind Undercroft's. So `import schemas` in such
    an app would silently import ours.
    """
    if directory.resolve() == OWN_ROOT.resolve():
        return []
    return [
        name
        for name in OWN_PACKAGES
        if (directory / f"{name}.py").is_file() or any((directory / name).glob("*.py"))
    ]


def hidden_words(directory: Path, name: str) -> str:
    """The sentence for one of them."""
    return f"{directory} has a package {name!r}, which Undercroft's own hides; rename it"
