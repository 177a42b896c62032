"""An actor under test lives as its process would let it live, and a test sees what it does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actors.shared.profile.profile import ProfileError, read_profile
from actors.shared.sdk import (
    Actor,
    ActorContext,
    Event,
    MemoryBus,
    Refused,
    Request,
    RequestFailed,
    correlation,
    memory_bus,
    run_actor,
)
from bus.errors import PublishRefused

pytestmark = pytest.mark.anyio

OWN = ["notes.*"]


class NotedEvent(Event, frozen=True, kw_only=True, tag="notes.noted"):
    text: str


class NotesReportedEvent(Event, frozen=True, kw_only=True, tag="notes.reported"):
    texts: list[str]


class NotesRequestEvent(Request[NotesReportedEvent], frozen=True, kw_only=True, tag="notes.request"):
    pass


class WrittenEvent(Event, frozen=True, kw_only=True, tag="notes.written"):
    text: str


class StrangeEvent(Event, frozen=True, kw_only=True, tag="strange.happened"):
    pass


Inbox = NotedEvent | NotesRequestEvent


class Notes(Actor[Inbox]):
    """Keeps lines in a file, and says when each is written."""

    def __init__(self, context: ActorContext) -> None:
        super().__init__(context)
        self.file = context.locations.state / "notes.txt"
        self.matters: list[str | None] = []
        self.is_closed = False

    async def prepare(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.touch()

    async def handle(self, event: Inbox) -> NotesReportedEvent | None:
        match event:
            case NotedEvent(text="crash"):
                raise ZeroDivisionError("a bug")
            case NotedEvent(text="hang"):
                await asyncio.Event().wait()
            case NotedEvent():
                await asyncio.sleep(0.01)
                self.matters.append(correlation.get())
                self.file.write_text(self.file.read_text() + event.text + "\n")
                await self.peer.publish(WrittenEvent(text=event.text))
            case NotesRequestEvent():
                if self.file.stat().st_size == 0:
                    raise Refused("nothing was noted")
                return NotesReportedEvent(texts=self.file.read_text().split())
        return None

    async def close(self) -> None:
        self.is_closed = True


async def test_an_event_is_handled_when_publish_returns(tmp_path: Path) -> None:
    async with run_actor(Notes, tmp_path, namespaces=OWN) as running:
        for text in ("one", "two"):
            await running.publish(NotedEvent(text=text))
            assert running.actor.file.read_text().split()[-1] == text
        assert (await running.request(NotesRequestEvent())).texts == ["one", "two"]
        assert len(set(running.actor.matters)) == 2, "each publication is a matter of its own"
        assert correlation.get() is None


async def test_what_the_actor_publishes_can_be_watched(tmp_path: Path) -> None:
    async with (
        run_actor(Notes, tmp_path, namespaces=OWN) as running,
        running.subscribe(WrittenEvent) as events,
    ):
        await running.publish(NotedEvent(text="one"))
        assert await anext(events) == WrittenEvent(text="one")


async def test_an_event_that_the_inbox_does_not_name_is_only_accepted(tmp_path: Path) -> None:
    async with run_actor(Notes, tmp_path, namespaces=OWN) as running:
        await running.publish(WrittenEvent(text="by somebody else"))
        assert running.actor.matters == []
        with pytest.raises(PublishRefused, match="strange.happened"):
            await running.publish(StrangeEvent())


async def test_a_refusal_is_a_failed_request(tmp_path: Path) -> None:
    async with run_actor(Notes, tmp_path, namespaces=OWN) as running:
        with pytest.raises(RequestFailed, match="nothing was noted"):
            await running.request(NotesRequestEvent())


async def test_all_locations_lie_below_the_home_and_a_next_life_finds_the_files(tmp_path: Path) -> None:
    async with run_actor(Notes, tmp_path / "home", namespaces=OWN) as first:
        await first.publish(NotedEvent(text="one"))
        assert first.context.locations.state == tmp_path / "home" / "state"
        assert (first.context.name, first.context.profile.name) == ("actor", "app")
    assert first.actor.is_closed
    async with run_actor(Notes, tmp_path / "home", namespaces=OWN) as second:
        assert (await second.request(NotesRequestEvent())).texts == ["one"]


@pytest.mark.parametrize(("returning", "kind"), [(False, "no_responder"), (True, "restarting")])
async def test_an_actor_that_a_test_stops_is_closed_before_the_block_ends(
    tmp_path: Path, returning: bool, kind: str
) -> None:
    async with run_actor(Notes, tmp_path, namespaces=OWN) as running:
        await running.stop(returning=returning)
        assert running.actor.is_closed
        with pytest.raises(RequestFailed) as caught:
            await running.request(NotesRequestEvent())
        assert caught.value.kind == kind


@pytest.mark.parametrize("as_directory", [True, False])
async def test_the_profile_of_the_app_opens_its_topics(tmp_path: Path, as_directory: bool) -> None:
    directory = tmp_path / "profile"
    directory.mkdir()
    (directory / "profile.toml").write_text('name = "notebook"\n[topics]\nnamespaces = ["notes.*"]\n')
    profile = directory if as_directory else read_profile(directory)
    async with run_actor(Notes, tmp_path, profile=profile, name="notes") as running:
        await running.publish(NotedEvent(text="one"))
        assert running.context.profile.name == "notebook"
        assert running.actor.peer.name == "notes"
    with pytest.raises(ProfileError):
        async with run_actor(Notes, tmp_path, profile=tmp_path / "elsewhere"):
            pass


async def test_a_stand_in_may_serve_before_the_actor_starts(tmp_path: Path) -> None:
    class Reader(Actor[NotedEvent]):
        texts: list[str]

        async def prepare(self) -> None:
            self.texts = (await self.peer.request(NotesRequestEvent())).texts

    async with memory_bus(OWN) as bus, bus.connect("notes") as stand_in:
        await stand_in.serve(
            [NotesRequestEvent], lambda request: request.reply(NotesReportedEvent(texts=["three"]))
        )
        async with run_actor(Reader, tmp_path, bus=bus) as running:
            assert running.actor.texts == ["three"]
            assert running.bus is bus


async def test_an_exception_of_the_actor_ends_the_block_and_comes_out_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError, match="a bug"):
        async with run_actor(Notes, tmp_path, namespaces=OWN) as running:
            await running.publish(NotedEvent(text="crash"))


async def test_an_actor_that_cannot_be_built_or_prepared_says_so(tmp_path: Path) -> None:
    class Broken(Notes):
        async def prepare(self) -> None:
            raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        async with run_actor(Broken, tmp_path):
            pass

    def build(context: ActorContext) -> Notes:
        raise LookupError("no such setting")

    with pytest.raises(LookupError, match="no such setting"):
        async with run_actor(build, tmp_path):
            pass


async def test_a_failed_assertion_of_the_test_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="as expected"):
        async with run_actor(Notes, tmp_path, namespaces=OWN):
            raise AssertionError("as expected")


async def test_a_handler_that_hangs_fails_the_test_in_time(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        async with run_actor(Notes, tmp_path, namespaces=OWN) as running:
            await running.publish(NotedEvent(text="hang"), timeout_seconds=0.05)


async def test_two_actors_share_one_bus(tmp_path: Path) -> None:
    async with (
        memory_bus(OWN) as bus,
        run_actor(Notes, tmp_path / "a", bus=bus, name="a") as first,
        run_actor(_Listener, tmp_path / "b", bus=bus, name="b") as second,
    ):
        assert isinstance(bus, MemoryBus)
        await first.publish(NotedEvent(text="one"))
        async with asyncio.timeout(5.0):
            await second.actor.has_heard.wait()


class _Listener(Actor[WrittenEvent]):
    def __init__(self, context: ActorContext) -> None:
        super().__init__(context)
        self.has_heard = asyncio.Event()

    async def handle(self, event: WrittenEvent) -> None:
        self.has_heard.set()
