"""Whatever lies in the place of what was added, accepted or fetched, the catalogue has all the rest."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from actors.model_sources import build
from actors.model_sources.list_store import ListStore
from actors.model_sources.remote_manifest.manifest_store import RemoteManifestStore
from actors.shared.manifest import AddedModel
from actors.shared.manifest.manifest_signature import open_signed_manifest, read_keys
from actors.shared.sdk.running_actor import run_actor
from bus.broker.memory_bus import memory_bus
from bus.errors import RequestFailed
from schemas.operations.alerts import AlertChangedEvent
from schemas.sources import (
    LicenceAcceptance,
    LicenceAcceptRequestEvent,
    ManifestRefreshRequestEvent,
    ModelAddRequestEvent,
    ModelCatalogueRequestEvent,
    ModelCatalogueStatedEvent,
    ModelNameResolveRequestEvent,
    ModelWithdrawRequestEvent,
)
from tests.support.http_servers import public_key_text
from tests.support.profiles import write_profile
from tests.support.signed_manifests import ENTRY, KEY, NOW, signed
from tests.support.strange_files import (
    DIRECTORY_MUTATIONS,
    FILE_MUTATIONS,
    bounded_memory,
    copy_of,
    directories_below,
    files_below,
    strange_documents,
    write,
)
from tests.support.unsynced import unsynced

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
GUARD_SECONDS: Final = 60.0
RECORDS: Final = ("added.json", "accepted.json", "remote.json")
FEW: Final = ("a list", "of a later version", "huge and sparse", "a directory", "a fifo", "a link to itself")
NO_FIELD_IS_WRONG: Final = ("an empty object", "not UTF-8", "all but the last byte")
URL: Final = "http://127.0.0.1:9/models.json"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No server is asked, and nothing is made durable."""
    monkeypatch.setenv("UNDERCROFT_OFFLINE", "1")
    with unsynced():
        yield


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A home with models added, a licence accepted and a manifest fetched; its profile beside it."""
    keys = [public_key_text(KEY)]
    due = msgspec.structs.replace(ENTRY, id="due", accept_licence=True)
    write_profile(tmp_path / "profile", models=[due], tables=f'[manifest]\nurl = "{URL}"\nkeys = {keys!r}\n')
    directory = tmp_path / "whole" / "state" / "model_sources"
    added = ListStore(directory / "added.json", AddedModel)
    for number in range(2):
        entry = msgspec.structs.replace(ENTRY, id=f"added{number}", files=ENTRY.files)
        name = f"hf:org/added{number}"
        added.write([*added.items, AddedModel(name=name, pinned=f"{name}@1", entry=entry, added_at=NOW)])
    accepted = LicenceAcceptance(
        model_id="due", licence="MIT", revision="", digest="0" * 64, accepted_at=NOW, accepted_by="me"
    )
    ListStore(directory / "accepted.json", LicenceAcceptance).write([accepted])
    envelope, pinned = signed(3, now=NOW), read_keys(keys)
    store = RemoteManifestStore(directory / "remote.json", pinned)
    store.write(URL, envelope, open_signed_manifest(envelope, pinned, URL), NOW)
    return tmp_path / "whole"


async def serve(home: Path) -> tuple[ModelCatalogueStatedEvent, list[str]]:
    """One life: every request is answered, and a model that is added is there. The catalogue, and alerts."""
    file = home.parent / "model.onnx"
    file.write_bytes(b"weights")
    async with (
        asyncio.timeout(GUARD_SECONDS),
        memory_bus() as bus,
        run_actor(build, home, profile=home.parent / "profile", name="model_sources", bus=bus) as running,
    ):
        first = await running.request(ModelCatalogueRequestEvent())
        await running.request(ManifestRefreshRequestEvent())
        await running.request(ModelNameResolveRequestEvent(name=f"file:{file}"))
        for request in (
            ModelAddRequestEvent(name=f"file:{file}"),
            LicenceAcceptRequestEvent(model_id="due"),
            ModelWithdrawRequestEvent(model_id="model"),
        ):
            try:
                await running.request(request)
            except RequestFailed as error:
                assert error.kind == "refused", error
                reasons = ("later version", "nobody added it", "cannot be read", str(home))
                assert any(reason in str(error) for reason in reasons), error
        alerts = [event.alert for event in await running.peer.retained(AlertChangedEvent)]
        return first, [alert.message for alert in alerts if alert.is_active]


async def expect_the_rest(home: Path, place: Path) -> list[str]:
    """Two lives have each model that does not lie in this place. Returns what the first one told."""
    expected = {"due"}
    if place.name not in ("added.json", "model_sources", "state"):
        expected |= {"added0", "added1"}
    if place.name not in ("remote.json", "model_sources", "state"):
        expected.add("a")
    told: list[list[str]] = []
    for _ in range(2):
        catalogue, messages = await serve(home)
        assert expected <= {one.entry.id for one in catalogue.models}
        if place.name not in ("accepted.json", "model_sources", "state"):
            assert catalogue.accepted
        told.append(messages)
    return told[0]


async def spoil(
    whole: Path, tmp_path: Path, keep: Callable[[Path, str], bool] = lambda path, name: True
) -> None:
    cases = [
        *((path, one) for path in files_below(whole) for one in FILE_MUTATIONS),
        *((path, one) for path in directories_below(whole) for one in DIRECTORY_MUTATIONS),
    ]
    for number, (path, mutation) in enumerate(cases):
        if not keep(path, mutation.name) or (mutation.name == "unreadable" and os.geteuid() == 0):
            continue
        home = copy_of(whole, tmp_path / str(number))
        trace = mutation.leave(home / path.relative_to(whole))
        try:
            with bounded_memory():
                told = await expect_the_rest(home, path)
            is_harmless = mutation.name in NO_FIELD_IS_WRONG
            assert trace.is_kept(home) or is_harmless
            is_gone = path.name == "state" or mutation.name == "a link to a name that is free"
            assert told or is_harmless or is_gone
        except BaseException as error:
            error.add_note(f"{mutation.name} in the place of {path.relative_to(whole)}")
            raise


@pytest.mark.requirement("S0-4")
async def test_few_things_in_the_place_of_files_and_directories(whole: Path, tmp_path: Path) -> None:
    await spoil(whole, tmp_path, lambda path, name: name in FEW)


@pytest.mark.slow
@pytest.mark.requirement("S0-4")
async def test_anything_in_the_place_of_a_file_or_directory(whole: Path, tmp_path: Path) -> None:
    await spoil(whole, tmp_path)


@pytest.mark.slow
@pytest.mark.requirement("S0-4")
@pytest.mark.parametrize("record", RECORDS)
async def test_any_value_in_any_field_of_a_record(whole: Path, tmp_path: Path, record: str) -> None:
    path = whole / "state" / "model_sources" / record
    home = copy_of(whole, tmp_path / "home")
    place = home / path.relative_to(whole)
    content = path.read_bytes()
    for number, (name, changed) in enumerate(strange_documents(content)):
        if number % 5:
            continue
        copied = copy_of(whole, tmp_path / str(number))
        write(copied / path.relative_to(whole), changed)
        try:
            with bounded_memory():
                await expect_the_rest(copied, place)
        except BaseException as error:
            error.add_note(f"{name} in {record}")
            raise


@pytest.mark.requirement("S0-4")
@pytest.mark.parametrize("record", ["added.json", "accepted.json"])
async def test_a_list_of_nothing_but_strange_items_costs_the_list(whole: Path, record: str) -> None:
    """What cannot be read is told in a message that the bus takes, however much it is."""
    path = whole / "state" / "model_sources" / record
    write(path, f'{{"format":1,"items":[{",".join(["1"] * 100_000)}]}}'.encode())
    assert "99980 more items" in "".join(await expect_the_rest(whole, path))
