"""Values of the harness fit, just fit, or do not."""

from __future__ import annotations

import random

import msgspec
import pytest
from msgspec import inspect

from schemas.contract.registry import REQUESTS
from tests.fuzz.contract_values import NOTHING, ValueMaker, fits


@pytest.mark.parametrize("topic", REQUESTS)
def test_valid_values_are_taken_by_the_contract(topic: str) -> None:
    maker = ValueMaker(random.Random(topic), {"key": ["config.x"], "limit": ["no number"]})
    kind = inspect.type_info(REQUESTS[topic])
    assert isinstance(kind, inspect.StructType)
    for _ in range(60):
        msgspec.convert({"type": topic, **maker.struct(kind)}, REQUESTS[topic])


@pytest.mark.parametrize("topic", REQUESTS)
def test_what_is_at_a_limit_is_taken_and_what_is_beyond_is_not(topic: str) -> None:
    maker = ValueMaker(random.Random(topic), {})
    kind = inspect.type_info(REQUESTS[topic])
    assert isinstance(kind, inspect.StructType)
    for field in kind.fields:
        for make, is_taken in ((maker.at_limit, True), (maker.beyond, False)):
            value = make(field.type)
            if value is NOTHING:
                continue
            event = {"type": topic, **maker.struct(kind), field.encode_name: value}
            if is_taken:
                msgspec.convert(event, REQUESTS[topic])
            else:
                with pytest.raises(msgspec.ValidationError):
                    msgspec.convert(event, REQUESTS[topic])


def test_words_that_do_not_fit_are_not_used() -> None:
    kind = inspect.type_info(int)
    maker = ValueMaker(random.Random(1), {"limit": ["text"]})
    assert all(isinstance(maker.valid(kind, "limit"), int) for _ in range(50))
    assert fits(kind, 3)
    assert not fits(kind, True)
    assert not fits(kind, "3")
