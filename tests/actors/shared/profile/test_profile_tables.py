"""What `profile.toml` may hold has limits, and a default for everything but names."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.shared.profile.profile_tables import ChildTable, ManifestTable, NamespaceTable, ProfileFile


@pytest.mark.parametrize(
    ("table", "content"),
    [
        (ChildTable, {"name": "a", "restart": "sometimes"}),
        (ChildTable, {"name": "a", "colour": "red"}),
        (ManifestTable, {"url": "ftp://models.example"}),
        (ManifestTable, {"max_skew_seconds": -1}),
        (NamespaceTable, {"name": "Notes"}),
        (NamespaceTable, {"name": "notes", "quota_mib": -1}),
        (ProfileFile, {"name": "../myapp"}),
        (ProfileFile, {"name": "myapp", "settings": "settings.py"}),
        (ProfileFile, {"name": "myapp", "documents": "documents.txt"}),
        (ProfileFile, {"name": "myapp", "state": {"backups": {"keep_last": -1}}}),
    ],
)
def test_what_does_not_fit_a_table_is_refused(table: Any, content: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(content, table)


def test_a_name_is_all_that_is_needed() -> None:
    found = msgspec.convert({"name": "myapp"}, ProfileFile)
    assert (found.children, found.modes, found.namespaces, found.documents, found.allowlist) == (
        [],
        [],
        [],
        "",
        None,
    )
    assert (found.state.quota_mib, found.manifest.url, found.readiness.banner_after_ms) == (1024, "", 3000)
