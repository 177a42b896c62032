"""The settings of the downloader: followed while it runs, and nonsense in them changes nothing."""

from __future__ import annotations

from actors.model_downloader.downloader_settings import VERIFY_EVERY_DAYS, DownloaderSettings


def test_settings_are_followed() -> None:
    settings = DownloaderSettings()
    section = {
        "max_streams": 2,
        "rate_limit_kib_per_second": 80,
        "mirror_url": "https://mirror.example",
        "partials_keep_days": 9,
        "verify_every_days": 7,
        "offline": True,
    }
    settings.follow({"models": section})
    assert settings == DownloaderSettings(
        max_streams=2,
        rate_bytes_per_second=80 * 1024,
        mirror_url="https://mirror.example",
        partials_keep_days=9,
        verify_every_days=7.0,
        offline=True,
    )


def test_settings_that_say_nothing_or_nonsense_change_nothing() -> None:
    settings = DownloaderSettings(max_streams=4)
    for found in (
        {},
        {"models": None},
        {"models": {"max_streams": "many", "partials_keep_days": "x", "mirror_url": 3}},
        {"models": {"verify_every_days": True}},
        {"models": {"verify_every_days": -1}},
        {"models": {"verify_every_days": "7"}},
    ):
        settings.follow(found)
    assert settings == DownloaderSettings(max_streams=4, verify_every_days=VERIFY_EVERY_DAYS)


def test_offline_mode_ends_when_the_settings_no_longer_say_so() -> None:
    settings = DownloaderSettings(offline=True)
    settings.follow({"models": {}})
    assert not settings.offline


def test_verification_can_be_switched_off_and_goes_back_to_its_default() -> None:
    settings = DownloaderSettings()
    settings.follow({"models": {"verify_every_days": 0}})
    assert settings.verify_every_days == 0
    settings.follow({"models": {}})
    assert settings.verify_every_days == VERIFY_EVERY_DAYS
