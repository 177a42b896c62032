"""The registry of locations over a bus: what it lists, which choices it takes, and what it publishes."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replace_struct

from actors.locations import actor as actor_module
from actors.locations import build
from actors.locations.actor import LocationRegistry
from actors.shared.durable.durable_write import DurableWriteFailed
from actors.shared.locations.location_choices import (
    CHOICES_NAME,
    LocationChoices,
    read_choices,
    write_choices,
)
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import find_profile, read_profile
from bus.actor import Actor, BusContext
from bus.actor_loop import ActorLoop
from bus.broker.memory_bus import memory_bus
from bus.client import Peer
from bus.errors import Refused, RequestFailed
from schemas.operations.alerts import AlertChangedEvent
from schemas.paths import (
    ModelsRelocateRequestEvent,
    ModelsRelocationEvent,
    PathChooseRequestEvent,
    PathChosenEvent,
    PathsChangedEvent,
    PathSettleRequestEvent,
    PathsListRequestEvent,
)
from tests.support.actor_contexts import context_without_bus

pytestmark = pytest.mark.anyio


class Mover(Actor[ModelsRelocateRequestEvent]):
    """Owns models, and says yes or no."""

    def __init__(
        self,
        context: BusContext,
        asked: list[ModelsRelocateRequestEvent],
        copy_bytes: int = 0,
        refusal: str = "",
    ) -> None:
        super().__init__(context)
        self._asked = asked
        self._copy_bytes = copy_bytes
        self._refusal = refusal

    async def handle(self, event: ModelsRelocateRequestEvent) -> ModelsRelocationEvent:
        self._asked.append(event)
        if self._refusal:
            raise Refused(self._refusal)
        return ModelsRelocationEvent(
            moved_models=["tiny"],
            adopted_models=[],
            copy_bytes=self._copy_bytes,
            move_id="" if event.dry_run else "m1",
        )


@asynccontextmanager
async def registry(
    home: Path, mover: Callable[[BusContext], Mover] | None = None, environ: dict[str, str] | None = None
) -> AsyncIterator[Peer]:
    """A peer that talks to a running registry."""
    defaults = locate("app", home=home)
    async with (
        memory_bus() as bus,
        bus.connect("locations") as own,
        bus.connect("model_downloader") as other,
        bus.connect("app") as app,
    ):
        loops: list[ActorLoop] = [
            ActorLoop(lambda context: LocationRegistry(context, defaults, defaults, environ or {}), own)
        ]  # type: ignore[type-arg]  # of two kinds
        loops += [ActorLoop(mover, other)] if mover else []
        running = [asyncio.create_task(loop.run()) for loop in loops]
        wanted = {"paths.list", *(["paths.relocate_models"] if mover else [])}
        while not wanted <= {topic for peer in bus.core.statistics(0.0).peers for topic in peer.serves}:
            await asyncio.sleep(0)
        yield app
        for loop in loops:
            loop.stop()
        await asyncio.gather(*running)


def choose(path: Path | str, **more: object) -> PathChooseRequestEvent:
    return PathChooseRequestEvent(**{"category": "models", "path": str(path), **more})  # type: ignore[arg-type]  # checked by the contract's test


def kinds(answer: PathChosenEvent) -> list[str]:
    return [problem.kind for problem in answer.problems]


@pytest.mark.requirement("S1-19", "S1-21")
async def test_every_category_is_listed_with_who_decided(tmp_path: Path) -> None:
    async with registry(tmp_path, environ={"UNDERCROFT_TOOLS": "/frozen"}) as app:
        listed = await app.request(PathsListRequestEvent())
        assert [(status.category, status.origin) for status in listed.paths][3:5] == [
            ("models", "home"),
            ("tools", "environment"),
        ]
        assert listed.choices_file == str(tmp_path / "config" / CHOICES_NAME)


@pytest.mark.requirement("S1-20")
async def test_a_missing_directory_is_offered_then_created_and_never_asked_about_again(
    tmp_path: Path,
) -> None:
    async with registry(tmp_path / "home") as app:
        answer = await app.request(choose(tmp_path / "big" / "models"))
        assert (answer.accepted, kinds(answer), answer.problems[0].offers[0]) == (
            False,
            ["missing"],
            "create",
        )
        assert not (tmp_path / "big").exists()
        answer = await app.request(choose(tmp_path / "big" / "models", create_missing=True, dry_run=True))
        assert (answer.accepted, answer.created) == (True, [str(tmp_path / "big" / "models")])
        assert not (tmp_path / "big").exists()
        answer = await app.request(choose(tmp_path / "big" / "models", create_missing=True))
        assert (answer.accepted, answer.move_id) == (True, "")
        assert (tmp_path / "big" / "models").is_dir()
        listed = await app.request(PathsListRequestEvent())
        assert (listed.paths[3].path, listed.paths[3].origin, listed.paths[3].problems) == (
            str(tmp_path / "big" / "models"),
            "override",
            [],
        )
        assert (await app.request(choose(tmp_path / "big" / "models"))).accepted


@pytest.mark.requirement("S1-18")
async def test_a_choice_is_on_disk_when_it_is_answered_and_told_to_everybody(tmp_path: Path) -> None:
    target = tmp_path / "big"
    target.mkdir()
    async with registry(tmp_path / "home") as app, app.subscribe(PathsChangedEvent) as events:
        first = await anext(events)
        assert isinstance(first, PathsChangedEvent)
        assert first.reason == "start"
        assert (await app.request(choose(target))).accepted
        assert read_choices(tmp_path / "home" / "config").choices.paths == {"models": str(target)}
        told = await anext(events)
        assert isinstance(told, PathsChangedEvent)
        assert (told.reason, told.paths[3].path) == ("chosen", str(target))
        assert (await app.request(choose(""))).accepted
        assert read_choices(tmp_path / "home" / "config").choices == LocationChoices()


@pytest.mark.requirement("S1-22")
async def test_each_place_that_cannot_be_has_its_own_kind_and_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "file").write_bytes(b"")
    (home / "config").mkdir(parents=True)
    (home / "tools").mkdir()
    (tmp_path / "link").symlink_to(home / "config")
    async with registry(home) as app:
        places: list[tuple[str | Path, str]] = [
            ("models", "relative"),
            (tmp_path / "file", "not_a_directory"),
            (home / "config", "user_data"),
            (tmp_path / "link", "user_data"),
            (home / "tools", "nested"),
            (home, "nested"),
            ("/media/nobody/stick/models", "removed_drive"),
            ("/proc/models", "not_writable"),
        ]
        for path, kind in places:
            answer = await app.request(choose(path, create_missing=True))
            assert (answer.accepted, kinds(answer)[0]) == (False, kind), path
        assert not (home / "config" / CHOICES_NAME).exists()


@pytest.mark.requirement("S1-21")
async def test_a_shared_root_takes_the_large_ones_along_and_says_when(tmp_path: Path) -> None:
    async with registry(tmp_path / "home") as app:
        answer = await app.request(choose(tmp_path / "big", category="root", create_missing=True))
        assert answer.accepted
        at = {
            status.category: (status.path, status.next_path, status.takes_effect) for status in answer.paths
        }
        assert at["models"] == (str(tmp_path / "big" / "models"), "", "now")
        assert at["logs"] == (str(tmp_path / "home" / "logs"), str(tmp_path / "big" / "logs"), "next_start")
        assert set(at) == {"logs", "models", "tools", "workspace"}
        assert (tmp_path / "big" / "models").is_dir()
        assert any("from the next start;" in sentence for sentence in answer.what_happens)


async def test_a_variable_that_decides_is_named(tmp_path: Path) -> None:
    async with registry(tmp_path, environ={"UNDERCROFT_MODELS": str(tmp_path / "m")}) as app:
        answer = await app.request(choose(tmp_path / "big", create_missing=True))
        assert kinds(answer) == ["environment"]
        assert "UNDERCROFT_MODELS" in answer.problems[0].message


async def test_with_an_owner_of_the_models_the_choice_counts_once_it_is_settled(tmp_path: Path) -> None:
    asked: list[ModelsRelocateRequestEvent] = []
    target = tmp_path / "big"
    target.mkdir()
    async with registry(tmp_path / "home", functools.partial(Mover, asked=asked)) as app:
        answer = await app.request(choose(target, action="adopt"))
        assert (answer.accepted, answer.move_id) == (True, "m1")
        assert [(event.dry_run, event.action, event.target) for event in asked] == [
            (True, "adopt", str(target)),
            (False, "adopt", str(target)),
        ]
        listed = await app.request(PathsListRequestEvent())
        assert listed.paths[3].path == str(tmp_path / "home" / "models")
        settled = await app.request(PathSettleRequestEvent(category="models", path=str(target)))
        assert settled.paths[3].path == str(target)
        assert read_choices(tmp_path / "home" / "config").choices.paths == {"models": str(target)}


async def test_what_does_not_fit_is_not_begun(tmp_path: Path) -> None:
    asked: list[ModelsRelocateRequestEvent] = []
    build = functools.partial(Mover, asked=asked, copy_bytes=1 << 52)
    async with registry(tmp_path / "home", build) as app:
        answer = await app.request(choose(tmp_path / "big", create_missing=True))
        assert (kinds(answer), answer.move_bytes) == (["space"], 1 << 52)
        assert [event.dry_run for event in asked] == [True]
        assert not (tmp_path / "big").exists()


async def test_an_owner_that_says_no_is_passed_on(tmp_path: Path) -> None:
    async with registry(
        tmp_path / "home", functools.partial(Mover, asked=[], refusal="in use by another app")
    ) as app:
        answer = await app.request(choose(tmp_path / "big", create_missing=True))
        assert kinds(answer) == ["held"]
        assert "in use by another app" in answer.problems[0].message


async def test_choices_that_cannot_be_read_are_told_put_aside_and_replaced_only_by_a_new_choice(
    tmp_path: Path,
) -> None:
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    (config / CHOICES_NAME).write_text("{")
    async with registry(tmp_path / "home") as app:
        listed = await app.request(PathsListRequestEvent())
        assert [problem.kind for problem in listed.paths[3].problems] == ["unreadable"]
        assert (config / CHOICES_NAME).read_text() == "{"
        assert (await app.request(choose(tmp_path / "big", create_missing=True))).accepted
        assert (config / (CHOICES_NAME + ".corrupt")).read_text() == "{"
        assert json.loads((config / CHOICES_NAME).read_text())["paths"] == {"models": str(tmp_path / "big")}


async def test_a_directory_that_goes_and_comes_back_is_told_when_it_is_looked_at(tmp_path: Path) -> None:
    target = tmp_path / "big"
    target.mkdir()
    write_choices(tmp_path / "home" / "config", LocationChoices(paths={"models": str(target)}))
    async with registry(tmp_path / "home") as app, app.subscribe(PathsChangedEvent) as events:
        await anext(events)
        for kinds_found in (["missing"], []):
            target.rmdir() if kinds_found else target.mkdir()
            await app.request(PathsListRequestEvent())
            told = await anext(events)
            assert isinstance(told, PathsChangedEvent)
            assert (told.reason, [problem.kind for problem in told.paths[3].problems]) == (
                "observed",
                kinds_found,
            )


async def test_a_choice_that_is_not_certainly_on_disk_is_neither_taken_nor_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def uncertain(config: Path, choices: LocationChoices) -> None:
        raise DurableWriteFailed(str(config), "sync_directory", 5, "Input/output error")

    monkeypatch.setattr(actor_module, "write_choices", uncertain)
    (tmp_path / "big").mkdir()
    died = False
    try:
        async with registry(tmp_path / "home") as app:
            with pytest.raises(RequestFailed, match="died"):
                await app.request(PathSettleRequestEvent(category="models", path=str(tmp_path / "big")))
    except* DurableWriteFailed:
        died = True
    assert died


async def test_a_disk_that_takes_no_choice_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(config: Path, choices: LocationChoices) -> None:
        raise DurableWriteFailed(str(config), "write", 28, "No space left on device")

    monkeypatch.setattr(actor_module, "write_choices", full)
    (tmp_path / "big").mkdir()
    async with registry(tmp_path / "home") as app:
        answer = await app.request(choose(tmp_path / "big"))
        assert (answer.accepted, "No space left" in answer.problems[0].message) == (False, True)
        with pytest.raises(RequestFailed, match="No space left"):
            await app.request(PathSettleRequestEvent(category="models", path=str(tmp_path / "big")))


async def test_a_disk_that_fills_up_is_told_once_and_cleared_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, real = [2**40], actor_module.survey
    monkeypatch.setattr(
        actor_module,
        "survey",
        lambda chart: [
            replace_struct(one, free_bytes=free[0]) for one in real(chart) if one.category == "models"
        ],
    )
    async with registry(tmp_path) as app, app.subscribe(AlertChangedEvent) as alerts:
        for free[0] in (2**40, 2**29, 2**29 - 1, 1000, 2**40):
            await app.request(PathsListRequestEvent())
        told = [await anext(alerts) for _ in range(3)]
    assert [
        (one.alert.severity, one.alert.is_active) for one in told if isinstance(one, AlertChangedEvent)
    ] == [
        ("warning", True),
        ("error", True),
        ("error", False),
    ]


def test_it_is_built_from_its_context(tmp_path: Path) -> None:
    defaults = locate("app", home=tmp_path)
    context = context_without_bus(
        name="locations",
        locations=replace(defaults, models=Path("/m")),
        profile=read_profile(find_profile("dictation")),
        defaults=defaults,
    )
    assert isinstance(build(context), LocationRegistry)
