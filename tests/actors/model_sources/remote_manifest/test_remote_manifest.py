"""A signed manifest on a real server is taken if it is signed, newer and in time; else nothing changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.model_sources.remote_manifest.remote_manifest import ManifestRefresh, RemoteManifest
from actors.model_sources.sources.source_client import SourceClient
from actors.shared.credentials.environment_tokens import EnvironmentTokens
from actors.shared.credentials.token_provider import TokenProvider
from actors.shared.durable import durable_write
from actors.shared.profile.profile_tables import ManifestTable
from tests.support.http_servers import Site, public_key_text, running_site
from tests.support.signed_manifests import ENTRY, KEY, NOW, OTHER, signed

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as found:
        yield found


@pytest.fixture
async def client() -> AsyncIterator[SourceClient]:
    async def no_keychain(origin: str) -> str:
        return ""

    found = SourceClient(TokenProvider(EnvironmentTokens(), no_keychain), environment={})
    yield found
    await found.close()


def remote(site: Site, client: SourceClient, path: Path, now: float = NOW) -> RemoteManifest:
    table = ManifestTable(url=f"{site.url}/models.json", keys=[public_key_text(KEY)])
    return RemoteManifest(table, path / "remote.json", client, lambda: now)


@pytest.mark.requirement("S1-34")
async def test_a_newer_signed_manifest_is_taken_and_in_force_after_a_restart(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.put("/models.json", signed(5))
    one = remote(site, client, tmp_path)
    assert one.read_stored() == ""
    assert await one.refresh(0) == ManifestRefresh("taken")
    assert await one.refresh(0) == ManifestRefresh("unchanged")
    again = remote(site, client, tmp_path)
    assert again.read_stored() == ""
    assert again.version == 5
    found = again.declared(0)
    assert found is not None
    assert found.manifest.models == [ENTRY]


@pytest.mark.requirement("S1-34")
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (signed(6, key=OTHER), "no signature by a pinned key"),
        (signed(4), "older than 5"),
        (signed(6, issued=3600), "check the clock"),
        (signed(6, expires=-3600), "expired"),
        (signed(6, minimum_runtime="99.0.0"), "needs Undercroft 99"),
        (b"<html>sign in to this network</html>", "no signed manifest"),
        (b" " * 5_000_000, "at most"),
    ],
    ids=["foreign", "rollback", "future", "expired", "runtime", "portal", "long"],
)
async def test_a_bad_one_leaves_the_former_in_force(
    site: Site, client: SourceClient, tmp_path: Path, bad: bytes, words: str
) -> None:
    site.put("/models.json", signed(5))
    one = remote(site, client, tmp_path)
    await one.refresh(0)
    site.put("/models.json", bad)
    refresh = await one.refresh(0)
    assert (refresh.outcome, refresh.is_refused) == ("kept", True)
    assert words in refresh.problem
    assert one.version == 5
    restarted = remote(site, client, tmp_path)
    restarted.read_stored()
    assert restarted.version == 5


async def test_an_older_one_is_refused_after_a_restart_too(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.put("/models.json", signed(5))
    await remote(site, client, tmp_path).refresh(0)
    site.put("/models.json", signed(4))
    restarted = remote(site, client, tmp_path)
    restarted.read_stored()
    assert "older than 5" in (await restarted.refresh(0)).problem


async def test_a_server_that_is_away_is_no_refusal(site: Site, client: SourceClient, tmp_path: Path) -> None:
    site.put("/models.json", b"", 503)
    refresh = await remote(site, client, tmp_path).refresh(0)
    assert (refresh.outcome, refresh.is_refused) == ("kept", False)


async def test_an_app_that_came_with_a_newer_one_uses_that(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.put("/models.json", signed(5))
    one = remote(site, client, tmp_path)
    await one.refresh(0)
    assert one.declared(6) is None
    assert one.declared(5) is not None


async def test_one_in_force_that_expires_goes_on_and_is_told(
    site: Site, client: SourceClient, tmp_path: Path
) -> None:
    site.put("/models.json", signed(5))
    await remote(site, client, tmp_path).refresh(0)
    later = remote(site, client, tmp_path, NOW + 86_400)
    later.read_stored()
    assert later.has_expired
    assert later.declared(0) is not None


async def test_what_is_not_on_disk_is_not_in_force(
    site: Site, client: SourceClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    site.put("/models.json", signed(5))
    one = remote(site, client, tmp_path)
    monkeypatch.setattr(durable_write.REAL_DISK, "write", full, raising=False)
    assert "No space left" in (await one.refresh(0)).problem
    assert one.version == 0


async def test_without_a_url_nothing_is_asked(site: Site, client: SourceClient, tmp_path: Path) -> None:
    one = RemoteManifest(ManifestTable(), tmp_path / "remote.json", client)
    assert one.read_stored() == ""
    assert await one.refresh(0) == ManifestRefresh("none")


async def test_an_error_that_nobody_foresaw_keeps_the_former_manifest(
    site: Site, client: SourceClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*given: Any) -> None:
        raise ZeroDivisionError("nobody")

    one = remote(site, client, tmp_path)
    one.read_stored()
    monkeypatch.setattr(client, "read", fail)
    refresh = await one.refresh(0)
    assert (refresh.outcome, refresh.is_refused) == ("kept", True)
    assert refresh.problem == f"{site.url}/models.json: it cannot be used: nobody"
