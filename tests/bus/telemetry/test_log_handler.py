"""Log records reach the bus redacted, in order, at the level that applies, and never too fast."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import AsyncIterator

import pytest
from _pytest.logging import LogCaptureHandler
from hypothesis import given
from hypothesis import strategies as st

from bus.broker.memory_bus import memory_bus
from bus.client import Peer, correlation
from bus.peer.feed.subscription import Subscription
from bus.telemetry.log_handler import (
    BURST,
    ECHO,
    BusLogHandler,
    LogBudget,
    LogLevels,
    level_of,
    logging_to,
    redactor_of_this_machine,
    traceback_of,
)
from bus.telemetry.redaction import Redactor
from schemas.operations.logs import LogLevel, LogLevelChangedEvent, LogRecord, LogRecordedEvent
from tests.support.hostile_texts import HOSTILE, is_inert

pytestmark = pytest.mark.anyio

log = logging.getLogger("bus.testing")


class Noted:
    """One process that notes, and one that hears it."""

    def __init__(self, noting: Peer, hearing: Peer, events: Subscription[LogRecordedEvent]) -> None:
        self.noting = noting
        self.hearing = hearing
        self.events = events
        self.dropped = 0

    async def next(self) -> LogRecord:
        """The next record; they come one by one here."""
        return (await self.batch())[0]

    async def batch(self) -> list[LogRecord]:
        event = await anext(self.events)
        assert isinstance(event, LogRecordedEvent)
        self.dropped += event.dropped
        return event.records


@pytest.fixture
async def noted() -> AsyncIterator[Noted]:
    redactor = Redactor(b"salt", secrets=["open sesame"])
    async with contextlib.AsyncExitStack() as stack:
        bus = await stack.enter_async_context(memory_bus())
        noting = await stack.enter_async_context(bus.connect("store"))
        hearing = await stack.enter_async_context(bus.connect("listener"))
        events = await stack.enter_async_context(hearing.subscribe(LogRecordedEvent))
        await stack.enter_async_context(logging_to(noting, redactor))
        yield Noted(noting, hearing, events)


async def test_a_record_carries_who_noted_what_and_when(noted: Noted) -> None:
    correlation.set("matter-7")
    log.warning("model %s is %d bytes short", "base", 5, extra={"model_id": "base", "api_key": "k"})
    record = await noted.next()
    assert (record.actor, record.level, record.logger, record.message) == (
        "store",
        "warning",
        "bus.testing",
        "model base is 5 bytes short",
    )
    assert record.fields["model_id"] == "base"
    assert record.fields["api_key"].startswith("<secret:")
    assert record.correlation == "matter-7"


async def test_nothing_private_leaves_the_process(noted: Noted) -> None:
    secret = "open sesame"  # a value in a frame, too
    try:
        raise ValueError(f"cannot say {secret}")
    except ValueError:
        log.exception("the door stays shut for %s", secret)
    record = await noted.next()
    assert secret not in str(record)
    assert "ValueError: cannot say <secret:" in record.traceback
    assert "test_log_handler.py" in record.traceback


@pytest.mark.parametrize("name", HOSTILE)
async def test_nothing_that_steers_leaves_the_process(
    noted: Noted, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    ours = [handler for handler in root.handlers if not isinstance(handler, LogCaptureHandler)]
    monkeypatch.setattr(root, "handlers", ours)  # not into the report of the test, which it would break
    text = HOSTILE[name]()
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("%s", text, extra={"field": text, f"field {text[:90]}": 1})
    record = await noted.next()
    assert record.fields.keys() >= {"field"}
    for words in (record.message, record.traceback, *record.fields, *record.fields.values()):
        assert is_inert(words), words[:200]


async def test_a_secret_that_is_broken_by_signs_that_steer_is_found(noted: Noted) -> None:
    log.info("pass\x00word=hun\x9bter2hunter2", extra={"note": "open\x00 ses\u202eame"})
    record = await noted.next()
    assert "hunter2" not in record.message
    assert "sesame" not in record.fields["note"]


async def test_records_of_one_moment_leave_together_and_in_order(noted: Noted) -> None:
    for number in range(20):
        log.info("record %d", number)
    records = await noted.batch()
    assert [record.message for record in records] == [f"record {number}" for number in range(20)]


async def test_other_threads_may_note_as_well(noted: Noted) -> None:
    thread = threading.Thread(target=log.error, args=("from a thread",))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert (await noted.next()).message == "from a thread"


async def test_what_is_too_much_is_counted_as_dropped(noted: Noted) -> None:
    for number in range(BURST + 500):
        log.info("record %d", number)
    kept = 0
    while noted.dropped == 0:
        kept += len(await noted.batch())
    assert noted.dropped > 400
    assert kept <= BURST + 100


async def test_a_level_is_changed_live_and_one_actors_wins_over_all(noted: Noted) -> None:
    root = logging.getLogger()

    async def heard(event: LogLevelChangedEvent, level: int) -> None:
        await noted.hearing.publish(event)
        while root.level != level:
            await asyncio.sleep(0)

    log.debug("not heard")
    await heard(LogLevelChangedEvent(actor="*", level="error"), logging.ERROR)
    await heard(LogLevelChangedEvent(actor="store", level="debug"), logging.DEBUG)
    log.debug("heard")
    assert (await noted.next()).message == "heard"
    await heard(LogLevelChangedEvent(actor="store", level=None), logging.ERROR)


async def test_a_broken_call_is_noted_rather_than_raised(noted: Noted) -> None:
    (handler,) = (handler for handler in logging.getLogger().handlers if isinstance(handler, BusLogHandler))
    handler.emit(logging.LogRecord("bus.testing", logging.WARNING, __file__, 1, "%d bytes", ("five",), None))
    assert "do not fit" in (await noted.next()).message


async def test_the_root_logger_is_as_before_when_it_ends() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    async with memory_bus() as bus, bus.connect("store") as peer, logging_to(peer, Redactor(b"")):
        assert len(root.handlers) == len(before[1]) + 1
    assert (root.level, list(root.handlers)) == before


@given(
    st.lists(st.floats(min_value=0, max_value=10), max_size=200),
    st.floats(min_value=0.5, max_value=50),
    st.integers(min_value=1, max_value=20),
)
def test_a_budget_never_gives_more_than_its_burst_and_its_rate(
    waits: list[float], rate: float, burst: int
) -> None:
    budget, now, taken = LogBudget(rate, burst), 0.0, 0
    budget._left = burst
    for wait in waits:
        now += wait
        taken += budget.spend(now)
        assert taken <= burst + now * rate + 1e-6


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (0, "debug"),
        (10, "debug"),
        (15, "debug"),
        (20, "info"),
        (30, "warning"),
        (40, "error"),
        (50, "critical"),
        (99, "critical"),
    ],
)
def test_numbers_of_logging_have_names(number: int, level: LogLevel) -> None:
    assert level_of(number) == level


def test_levels_of_others_do_not_matter() -> None:
    levels = LogLevels("store")
    assert levels.change(LogLevelChangedEvent(actor="other", level="debug")) == logging.INFO


def test_a_traceback_holds_no_source_and_no_values() -> None:
    try:
        secret = sys.executable
        raise KeyError(len(secret))
    except KeyError as error:
        text = traceback_of(error)
    assert "sys.executable" not in text
    assert "in test_a_traceback_holds_no_source_and_no_values" in text


def test_secrets_of_the_environment_are_known() -> None:
    redactor = redactor_of_this_machine(
        b"", {"HF_TOKEN": "very-plain-value", "DB_PASSWORD": "another-plain-one", "LANG": "de_DE.UTF-8"}
    )
    assert redactor.text("very-plain-value another-plain-one de_DE.UTF-8").count("<secret:") == 2
    assert "de_DE.UTF-8" in redactor.text("de_DE.UTF-8")


async def test_the_same_goes_to_stderr_line_by_line() -> None:
    lines: list[str] = []
    async with (
        memory_bus() as bus,
        bus.connect("store") as peer,
        logging_to(peer, Redactor(b"", secrets=["open sesame"]), lines.append),
    ):
        try:
            raise ValueError("open\nsesame")
        except ValueError:
            log.exception("said open sesame", extra={"door": "left"})
    text = "".join(lines)
    assert "open sesame" not in text
    assert all(line.startswith(ECHO) for line in text.split("\n") if line)
    assert "error bus.testing: said <secret:" in text
    assert " door=left\n" in text
