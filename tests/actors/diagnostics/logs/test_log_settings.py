"""Settings about logs have defaults, and sizes in bytes."""

from __future__ import annotations

from actors.diagnostics.logs.log_settings import LogSettings


def test_settings_that_are_missing_keep_their_defaults() -> None:
    assert LogSettings.of({}) == LogSettings(entries=500, size_bytes=256 * 1024)


def test_settings_are_read() -> None:
    found = {
        "log_level": "debug",
        "log_entries": 9,
        "log_kib": 2,
        "file_logs": True,
        "file_logs_until": "2026-01-02",
    }
    assert LogSettings.of({"diagnostics": found}) == LogSettings(
        level="debug", entries=9, size_bytes=2048, to_files=True, file_until="2026-01-02"
    )
