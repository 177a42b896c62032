"""Dotted paths: `vad.sensitivity` is the setting `sensitivity` of the section `vad`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def is_within(path: str, section: str) -> bool:
    """Whether a path is a section's own, or lies below it."""
    return path == section or path.startswith(section + ".")


def matches(patterns: Iterable[str], path: str) -> bool:
    """Whether one of the patterns names the path: `*` stands for any one part, a section for all below it."""
    parts = path.split(".")
    return any(
        len(wanted) <= len(parts)
        and all(one in ("*", part) for one, part in zip(wanted, parts, strict=False))
        for wanted in (pattern.split(".") for pattern in patterns)
    )


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted paths to nested objects."""
    nested: dict[str, Any] = {}
    known: dict[str, dict[str, Any]] = {}
    for path, value in flat.items():
        section, dot, name = path.rpartition(".")
        if not dot:
            nested[name] = value
            continue
        inner = known.get(section)
        if inner is None:
            inner = nested
            for part in section.split("."):
                inner = inner.setdefault(part, {})
            known[section] = inner
        inner[name] = value
    return nested


def amended(nested: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested objects with some values changed, by dotted path; the given ones stay as they are, and share what does not change."""
    after = dict(nested)
    for path, value in changes.items():
        inner = after
        *sections, name = path.split(".")
        for section in sections:
            inner[section] = inner = dict(inner[section])
        inner[name] = value
    return after


def spread(sections: Iterable[str], values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Open nested objects that stand for a section into the dotted paths of its settings."""
    known = frozenset(sections)
    leaves: dict[str, Any] = {}
    for name, value in values.items():
        path = prefix + name
        if path in known and isinstance(value, Mapping):
            leaves |= spread(known, value, path + ".")
        else:
            leaves[path] = value
    return leaves
