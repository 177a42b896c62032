"""Who may say what: the same over memory, ipc and tcp."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bus import wire
from bus.broker.membership.peer_record import public_instance
from bus.broker.roster import NamespaceRule, Roster, grant_for
from bus.errors import HelloRefused, PublishRefused, RequestFailed
from schemas.config import RuntimeConfigRequestEvent, SecretRevealRequestEvent
from schemas.operations.alerts import Alert, AlertChangedEvent
from tests.contract.conftest import ContractBus, OpenBus, RawPeer
from tests.support.rosters import credential_of, strict_roster

pytestmark = pytest.mark.anyio

OWNED = (NamespaceRule(namespace="mine.*"), NamespaceRule(namespace="mine.engine.*", peers=["engine"]))
FORGED = AlertChangedEvent(
    key="config_store/disk.full/",
    alert=Alert(
        name="disk.full",
        subject="",
        source="config_store",
        severity="critical",
        is_active=True,
        since=1.0,
        last_at=1.0,
        count=1,
        message="no room",
        advice="make room",
    ),
)
REQUEST_BODY = wire.encode({"type": "app.ask"})


def events(topic: str, count: int = 1) -> bytes:
    return wire.encode([{"type": topic}] * count)


@pytest.fixture
async def roles(open_bus: OpenBus) -> AsyncIterator[ContractBus]:
    """A bus with the roles of a runtime."""
    named = strict_roster("config_store", "engine", namespaces=OWNED)
    reader = grant_for("reader", credential_of("reader"), reveals_secrets=True)
    roster = Roster(peers={**named.peers, "reader": reader}, namespaces=named.namespaces)
    async with open_bus(roster) as opened:
        yield opened


async def refusal(raw: RawPeer, header: wire.LaneHeader, *body: bytes) -> str:
    """The reason for which a message is refused."""
    raw.send(header, *body)
    failed, _ = await raw.next(wire.FailedHeader)
    return str(failed.message.partition(":")[0])


async def test_a_named_peer_and_a_guest_are_told_what_they_are(roles: ContractBus) -> None:
    async with roles.raw() as named, roles.raw() as guest:
        welcome = await named.hello("engine", "instance-of-engine", credential_of("engine"))
        assert (welcome.role, welcome.instance) == ("named", public_instance("engine", "instance-of-engine"))
        welcome = await guest.hello("visitor", "instance-of-visitor")
        assert (welcome.role, welcome.instance) == (
            "guest",
            public_instance("visitor", "instance-of-visitor"),
        )


@pytest.mark.parametrize(
    ("name", "credential", "reason"),
    [
        ("engine", None, "reserved_name"),
        ("engine", "another", "wrong_token"),
        ("engine", credential_of("config_store"), "wrong_token"),
        ("visitor", credential_of("engine"), "wrong_token"),
        ("broker", None, "invalid_name"),
    ],
)
async def test_nobody_joins_under_a_name_that_is_not_theirs(
    roles: ContractBus, name: str, credential: str | None, reason: str
) -> None:
    async with roles.raw() as raw:
        hello = wire.HelloHeader(wire.PROTOCOL_VERSION, name, "instance-of-raw", credential or roles.token)
        assert await refusal(raw, hello) == reason


async def test_a_client_of_protocol_1_is_told_what_to_update(roles: ContractBus) -> None:
    async with roles.raw() as raw:
        raw.transport.send([b"HELLO", wire.encode([1, "old", "instance-of-old", roles.token])])
        failed, _ = await raw.next(wire.FailedHeader)
        assert failed.message.startswith("wrong_version: ")
        assert "update the client" in failed.message


async def test_events_of_the_contract_come_from_their_owner_alone(roles: ContractBus) -> None:
    async with roles.connect("config_store") as store, roles.connect("visitor") as guest, roles.raw() as raw:
        await store.publish(FORGED)
        await store.settled()
        await guest.publish(FORGED)
        with pytest.raises(PublishRefused, match="not_yours"):
            await guest.settled()
        await raw.hello("stranger")
        for serial, topic in enumerate(
            ["config.settings_changed", "bus.peer_left", "supervision.stopping", "mine.engine.x"], 1
        ):
            publish = wire.PublishHeader(serial, topic, 1, 1, "")
            assert await refusal(raw, publish, events(topic)) == "not_yours"
        assert len(await guest.retained(AlertChangedEvent)) == 1


async def test_requests_of_the_contract_are_served_by_their_owner_alone(roles: ContractBus) -> None:
    async with roles.connect("visitor") as guest, roles.raw() as raw:
        await raw.hello("stranger")
        for topic in ("config.request", "history.append", "mine.engine.ask"):
            assert await refusal(raw, wire.ServeHeader([topic])) == "not_yours"
        with pytest.raises(RequestFailed) as caught:
            await guest.request(RuntimeConfigRequestEvent(operation="get_effective"))
        assert caught.value.kind == "no_responder"


async def test_secrets_are_for_whom_the_profile_names(roles: ContractBus) -> None:
    question = SecretRevealRequestEvent(path="models.token")
    async with (
        roles.connect("config_store") as store,
        roles.connect("reader") as reader,
        roles.connect("engine") as engine,
        roles.connect("visitor") as guest,
    ):
        await store.serve([SecretRevealRequestEvent], lambda request: request.fail("refused", "asked"))
        for peer, answer in [(reader, "asked"), (engine, "not_yours"), (guest, "not_yours")]:
            with pytest.raises(RequestFailed) as caught:
                await peer.request(question)
            assert caught.value.kind == "refused"
            assert caught.value.message.startswith(answer)


async def test_a_connection_that_answers_keeps_its_name_and_hears_nothing_of_it(roles: ContractBus) -> None:
    async with roles.connect("visitor") as present:
        for _ in range(3):
            async with roles.raw() as raw:
                hello = wire.HelloHeader(
                    wire.PROTOCOL_VERSION, "visitor", present.public_instance, roles.token
                )
                assert await refusal(raw, hello) == "duplicate_name"
        with pytest.raises(HelloRefused, match="duplicate_name"):
            async with roles.connect("visitor"):
                pass
        assert present.welcomes == 1


async def test_a_connection_that_does_not_answer_is_displaced_and_told(roles: ContractBus) -> None:
    async with roles.raw() as silent, roles.raw() as newcomer:
        await silent.hello("visitor", "instance-of-silent")
        welcome = await newcomer.hello("visitor", "instance-of-newcomer")
        assert welcome.instance == public_instance("visitor", "instance-of-newcomer")
        told, _ = await silent.next(wire.FailedHeader)
        assert (told.id, told.kind, told.verb) == (0, "refused", "HELLO")
        assert told.message.startswith("displaced: ")
        publish = wire.PublishHeader(1, "app.x", 1, 1)
        assert await refusal(silent, publish, events("app.x")) == "unknown_peer"
        silent.send(wire.HelloHeader(wire.PROTOCOL_VERSION, "visitor", "instance-of-silent", roles.token))
        ping = wire.PingHeader(0)
        while not ping.id:
            ping, _ = await newcomer.next(wire.PingHeader)
        newcomer.send(wire.PongHeader(ping.id))
        failed, _ = await silent.next(wire.FailedHeader)
        assert failed.message.startswith("duplicate_name"), "it cannot fight back"


async def test_a_connection_that_ended_passes_its_name_on(roles: ContractBus) -> None:
    async with roles.raw() as first:
        await first.hello("visitor", "instance-of-first")
        second = RawPeer(roles.make_transport(), roles.token)
        await second.connected.wait()
        second.send(wire.HelloHeader(wire.PROTOCOL_VERSION, "visitor", "instance-of-second", roles.token))
        first.transport.close()
        await second.next(wire.WelcomeHeader)
        second.transport.close()


async def test_a_hello_again_brings_a_welcome_and_no_news(roles: ContractBus) -> None:
    async with roles.connect() as observer, roles.raw() as raw:
        first = await raw.hello("visitor")
        before = (await roles.statistics(observer)).sequence
        for _ in range(100):
            assert (await raw.hello("visitor")).instance == first.instance
        assert (await roles.statistics(observer)).sequence == before


async def test_a_leap_is_refused_and_what_follows_goes_on(roles: ContractBus) -> None:
    async with roles.raw() as raw:
        await raw.hello("visitor")
        raw.send(wire.PublishHeader(1, "app.x", 1, 1), events("app.x"))
        await raw.next(wire.AcceptedHeader)
        for serial, first in [(3, 2), (2, 3), (2, 2**50), (2**60, 2)]:
            publish = wire.PublishHeader(serial, "app.x", 1, first)
            assert await refusal(raw, publish, events("app.x")) == "leap"
        raw.send(wire.PublishHeader(2, "app.x", 1, 2), events("app.x"))
        accepted, _ = await raw.next(wire.AcceptedHeader)
        assert accepted.serial == 2


async def retained_keys(raw: RawPeer, pattern: str) -> set[str | None]:
    raw.send(wire.SnapshotHeader(1, [pattern]))
    _, frames = await raw.next(wire.SnapshottedHeader)
    ping, _ = await raw.next(wire.PingHeader)  # the next one is answered once this one has arrived
    raw.send(wire.PongHeader(ping.id))
    return {wire.read_run(header).key for header in frames[1::3]}


async def test_what_is_retained_belongs_to_its_publisher_who_can_take_it_back(roles: ContractBus) -> None:
    async with roles.raw() as owner, roles.raw() as other:
        await owner.hello("owner", "instance-of-owner")
        await other.hello("other", "instance-of-other")
        for serial, key in enumerate(["a", "b"], 1):
            owner.send(wire.PublishHeader(serial, "app.x", 1, serial, key), events("app.x"))
        await owner.next(wire.AcceptedHeader)
        assert await refusal(other, wire.PublishHeader(1, "app.x", 1, 1, "a"), events("app.x")) == "not_yours"
        assert await refusal(other, wire.PublishHeader(2, "app.x", 0, 1, "a"), wire.encode([])) == "not_yours"
        assert await retained_keys(other, "app.x") == {"a", "b"}
        owner.send(wire.PublishHeader(3, "app.x", 0, 1, "a"), wire.encode([]))
        accepted, _ = await owner.next(wire.AcceptedHeader)
        assert accepted.serial == 3
        assert await retained_keys(other, "app.x") == {"b"}
        owner.send(wire.ByeHeader())
        while await retained_keys(other, "app.x"):
            pass
        other.send(wire.PublishHeader(3, "app.x", 1, 1, "b"), events("app.x"))
        await other.next(wire.AcceptedHeader)


async def test_a_topic_stays_with_its_server_while_that_is_due_back(roles: ContractBus) -> None:
    async with roles.connect("visitor") as observer, roles.raw() as thief:
        await thief.hello("thief", "instance-of-thief")
        server = RawPeer(roles.make_transport(), roles.token)
        await server.hello("engine", "instance-of-engine", credential_of("engine"))
        server.send(wire.ServeHeader(["app.ask"]))
        await server.next(wire.ServeHeader)
        server.transport.close()
        while any(peer.peer == "engine" for peer in (await roles.statistics(observer)).peers):
            pass
        assert await refusal(thief, wire.ServeHeader(["app.ask"])) == "duplicate_service"
        async with roles.raw() as again:
            await again.hello("engine", "instance-of-its-next-life", credential_of("engine"))
            again.send(wire.ServeHeader(["app.ask"]))
            await again.next(wire.ServeHeader)


async def test_an_answer_that_cannot_be_read_reaches_the_asker_as_invalid(roles: ContractBus) -> None:
    async with roles.raw() as server, roles.raw() as asker:
        await server.hello("server", "instance-of-server")
        await asker.hello("asker", "instance-of-asker")
        server.send(wire.ServeHeader(["app.ask"]))
        await server.next(wire.ServeHeader)
        answers = [
            [b"FAILED", [0, "gone_fishing", "no"]],
            [b"FAILED", [0, "refused", "x" * 5000]],
            [b"REPLY", [0, "newest"], REQUEST_BODY],
        ]
        for id, (verb, fields, *body) in enumerate(answers, 1):
            asker.send(wire.RequestHeader(id, "app.ask", 20_000), REQUEST_BODY)
            request, _ = await server.next(wire.RequestHeader)
            server.transport.send([verb, wire.encode([request.id, *fields[1:]]), *body])
            failed, _ = await asker.next(wire.FailedHeader)
            assert (failed.id, failed.kind) == (id, "invalid")


async def test_a_reply_says_as_of_which_place_in_the_order_it_holds(roles: ContractBus) -> None:
    async with roles.raw() as server, roles.raw() as asker:
        await server.hello("server", "instance-of-server")
        welcome = await asker.hello("asker", "instance-of-asker")
        server.send(wire.ServeHeader(["app.ask"]))
        await server.next(wire.ServeHeader)
        server.send(wire.PublishHeader(1, "app.x", 1, 1), events("app.x"))
        await server.next(wire.AcceptedHeader)
        for id, serial, is_newest in [(1, 0, True), (2, 2, False), (3, 4, True)]:
            asker.send(wire.RequestHeader(id, "app.ask", 20_000), REQUEST_BODY)
            request, _ = await server.next(wire.RequestHeader)
            server.send(wire.PublishHeader(id + 1, "app.x", 1, id + 1), events("app.x"))
            server.send(wire.ReplyHeader(request.id, serial), REQUEST_BODY)
            replied, _ = await asker.next(wire.RepliedHeader)
            assert (replied.id, replied.epoch, replied.source) == (id, welcome.epoch, "server")
            newest = welcome.sequence + 2 + id  # the asker joined, then the server published
            assert replied.sequence == (newest if is_newest else newest - 1)
