"""What an answer means for a file that is partly there, by RFC 9110 and by what keeps foreign bytes out."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from actors.model_downloader.transfer.http.http_resume import (
    AppendBody,
    AskAgain,
    Fail,
    RangeRequest,
    ResponseHead,
    ResumeState,
    StartOver,
    next_step,
    part_request,
    strong_validator,
)

ETAG = '"v1"'
PART = ResumeState("m/model.bin", 1000, 400, ETAG)
EMPTY = ResumeState("m/model.bin", 1000)
RESUME = RangeRequest(400, ETAG)
OCTETS = {"content-type": "application/octet-stream", "etag": ETAG}


def part_head(start: int = 400, end: int = 999, total: int | str = 1000, **fields: str) -> ResponseHead:
    return ResponseHead(
        206,
        OCTETS
        | {"content-range": f"bytes {start}-{end}/{total}"}
        | {name.replace("_", "-"): value for name, value in fields.items()},
    )


@pytest.mark.requirement("S1-27")
def test_resume_asks_for_the_rest_on_condition_of_the_same_representation() -> None:
    assert part_request(PART, 400, 1000) == RESUME
    assert RESUME.headers() == {"Accept-Encoding": "identity", "Range": "bytes=400-", "If-Range": ETAG}


@pytest.mark.requirement("S1-29")
def test_bytes_without_a_strong_validator_are_not_built_upon() -> None:
    assert part_request(ResumeState("m", 1000, 400, None), 400, 1000) == RangeRequest(0)
    assert RangeRequest(0).headers() == {"Accept-Encoding": "identity"}


def test_part_is_asked_for_up_to_its_end_and_an_empty_file_without_condition() -> None:
    assert part_request(PART, 400, 600) == RangeRequest(400, ETAG, 600)
    assert part_request(EMPTY, 0, 600) == RangeRequest(0, None, 600)
    assert RangeRequest(0, None, 600).headers()["Range"] == "bytes=0-599"


@pytest.mark.requirement("S1-29")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"etag": '"abc"'}, '"abc"'),
        ({"etag": 'W/"abc"'}, None),
        ({"etag": "abc"}, None),
        ({"etag": '"a b"'}, None),
        (
            {
                "etag": 'W/"abc"',
                "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT",
                "date": "Tue, 02 Jan 2024 00:00:00 GMT",
            },
            None,
        ),
        (
            {"last-modified": "Mon, 01 Jan 2024 00:00:00 GMT", "date": "Tue, 02 Jan 2024 00:00:00 GMT"},
            "Mon, 01 Jan 2024 00:00:00 GMT",
        ),
        ({"last-modified": "Mon, 01 Jan 2024 00:00:00 GMT", "date": "Mon, 01 Jan 2024 00:00:00 GMT"}, None),
        ({"last-modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, None),
        ({"last-modified": "yesterday", "date": "today"}, None),
        ({}, None),
    ],
)
def test_only_strong_validators_count(fields: dict[str, str], expected: str | None) -> None:
    assert strong_validator(fields) == expected


@pytest.mark.requirement("S1-28")
def test_matching_206_is_appended() -> None:
    assert next_step(PART, RESUME, part_head()) == AppendBody()


@pytest.mark.requirement("S1-28")
@pytest.mark.parametrize(
    "head",
    [
        part_head(start=401),
        part_head(end=998),
        part_head(total=1001),
        part_head(total="*"),
        ResponseHead(206, OCTETS),
        part_head(content_range="bytes */1000"),
        part_head(content_range="items 400-999/1000"),
        part_head(content_range="bytes 4 00-999/1000"),
    ],
)
def test_206_for_other_bytes_than_asked_discards_and_asks_for_the_whole(head: ResponseHead) -> None:
    step = next_step(PART, RESUME, head)
    assert isinstance(step, AskAgain)
    assert step.request == RangeRequest(0)


@pytest.mark.requirement("S1-28")
def test_200_to_a_range_discards_and_starts_over() -> None:
    assert (
        next_step(PART, RESUME, ResponseHead(200, OCTETS | {"etag": '"v2"', "content-length": "1000"}))
        == StartOver()
    )
    assert (
        next_step(PART, RangeRequest(400), ResponseHead(200, OCTETS | {"content-length": "1000"}))
        == StartOver()
    )


def test_200_with_the_same_strong_etag_is_asked_for_a_plain_range_once() -> None:
    step = next_step(PART, RESUME, ResponseHead(200, OCTETS))
    assert isinstance(step, AskAgain)
    assert step.request == RangeRequest(400)
    assert next_step(PART, step.request, part_head()) == AppendBody()
    assert next_step(PART, step.request, ResponseHead(200, OCTETS)) == StartOver()


def test_plain_range_of_another_representation_is_not_appended() -> None:
    step = next_step(PART, RangeRequest(400), part_head(etag='"v2"'))
    assert isinstance(step, AskAgain)
    assert step.request == RangeRequest(0)
    step = next_step(PART, RangeRequest(400), ResponseHead(206, {"content-range": "bytes 400-999/1000"}))
    assert isinstance(step, AskAgain)
    assert step.request == RangeRequest(0)


@pytest.mark.parametrize("etag", [{}, {"etag": ETAG}, {"etag": '"v2"'}], ids=["none", "same", "other"])
@pytest.mark.parametrize("partial", [PART, ResumeState("m/model.bin", 1000, 400), EMPTY])
def test_206_with_all_bytes_to_a_request_for_the_whole_starts_over(
    partial: ResumeState, etag: dict[str, str]
) -> None:
    head = ResponseHead(206, {"content-range": "bytes 0-999/1000", "content-length": "1000"} | etag)
    assert next_step(partial, RangeRequest(0), head) == StartOver()


def test_206_with_some_bytes_to_a_request_for_the_whole_is_a_failure() -> None:
    step = next_step(PART, RangeRequest(0), part_head())
    assert isinstance(step, Fail)
    assert step.kind == "server"


@pytest.mark.requirement("S1-28")
def test_416_discards_and_asks_for_the_whole() -> None:
    step = next_step(PART, RESUME, ResponseHead(416, {}))
    assert isinstance(step, AskAgain)
    assert step.request == RangeRequest(0)
    assert isinstance(next_step(EMPTY, RangeRequest(0), ResponseHead(416, {})), Fail)


@pytest.mark.parametrize("status", [200, 206])
def test_compressed_answer_is_refused(status: int) -> None:
    head = (
        part_head(content_encoding="gzip")
        if status == 206
        else ResponseHead(200, OCTETS | {"content-encoding": "gzip"})
    )
    step = next_step(PART, RESUME, head)
    assert isinstance(step, Fail)
    assert step.kind == "refused"
    assert "'gzip'" in step.problem


def test_web_page_of_a_captive_portal_is_no_model() -> None:
    step = next_step(
        EMPTY,
        RangeRequest(0),
        ResponseHead(200, {"content-type": "text/html; charset=utf-8", "content-length": "1000"}),
    )
    assert isinstance(step, Fail)
    assert "sign in to the network" in step.problem


def test_other_length_than_promised_is_told_before_the_first_byte() -> None:
    step = next_step(EMPTY, RangeRequest(0), ResponseHead(200, OCTETS | {"content-length": "1001"}))
    assert isinstance(step, Fail)
    assert step.kind == "refused"
    assert "1001 bytes, expected 1000" in step.problem


@pytest.mark.parametrize(
    ("status", "redirected", "kind"),
    [
        (429, False, "server"),
        (503, False, "server"),
        (404, False, "refused"),
        (403, False, "refused"),
        (403, True, "server"),
        (304, False, "refused"),
    ],
)
def test_failure_is_told_apart_by_whether_asking_again_helps(
    status: int, redirected: bool, kind: str
) -> None:
    step = next_step(EMPTY, RangeRequest(0), ResponseHead(status, {"retry-after": "7"}, redirected))
    assert isinstance(step, Fail)
    assert step.kind == kind
    assert step.retry_after == ("7" if status in (429, 503) else None)


LATIN = "".join(map(chr, range(0x20, 0x100)))
"""What header fields are read as."""

FIELD = st.one_of(
    st.text(LATIN, max_size=12),
    st.sampled_from(["bytes 400-999/1000", "bytes 0-999/1000", ETAG, 'W/"v1"', "text/html", "gzip", "1000"]),
)
NAMES = st.sampled_from(
    [
        "content-range",
        "content-length",
        "content-type",
        "content-encoding",
        "etag",
        "last-modified",
        "date",
        "retry-after",
    ]
)


HEADS = st.builds(
    ResponseHead,
    status=st.one_of(st.sampled_from([200, 206, 416]), st.integers(100, 599)),
    fields=st.dictionaries(NAMES, FIELD, max_size=6),
    redirected=st.booleans(),
)
WHOLE_206 = ResponseHead(206, {"content-range": "bytes 0-999/1000"})


@given(
    answers=st.lists(HEADS, min_size=3, max_size=3),
    have=st.integers(0, 999),
    stop=st.one_of(st.just(1000), st.integers(1, 1000)),
    validator=st.sampled_from([None, ETAG]),
)
@example(answers=[WHOLE_206] * 3, have=1, stop=1000, validator=ETAG)
@example(
    answers=[ResponseHead(206, WHOLE_206.fields | {"etag": ETAG})] * 3, have=400, stop=1000, validator=ETAG
)
@example(answers=[WHOLE_206] * 3, have=400, stop=1000, validator=None)
@example(answers=[ResponseHead(200, {"etag": ETAG})] * 3, have=400, stop=1000, validator=ETAG)
@example(
    answers=[ResponseHead(200, {"etag": ETAG}), ResponseHead(416, {}), ResponseHead(416, {})],
    have=400,
    stop=600,
    validator=ETAG,
)
def test_any_server_is_asked_at_most_thrice_and_appended_only_what_continues_the_partial(
    answers: list[ResponseHead], have: int, stop: int, validator: str | None
) -> None:
    assume(have < stop)
    partial = ResumeState("m", 1000, have, validator)
    ask = part_request(partial, have, stop)
    asked = set()
    for head in answers:
        assert ask not in asked, "the same question again"
        asked.add(ask)
        step = next_step(partial, ask, head)
        if isinstance(step, AppendBody):
            assert head.status == 206
            end = 999 if ask.stop is None else ask.stop - 1
            assert head.fields["content-range"].strip().lower() == f"bytes {ask.start}-{end}/1000"
            assert ask.start == have, "what is there is continued at its end"
            assert have == 0 or validator is not None
        if not isinstance(step, AskAgain):
            return
        ask = step.request
    raise AssertionError("it would be asked for ever")
