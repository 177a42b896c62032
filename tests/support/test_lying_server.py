"""The server is honest until it is told to lie, and then about one field."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.lies import PROTOCOLS, Lie, a_lie_a_field, fields_of, lies, places_in, with_value
from tests.support.lying_server import SHA256, TOKEN, WEIGHTS, LyingServer


@pytest.fixture
def server() -> Iterator[LyingServer]:
    with LyingServer() as found:
        yield found


def ask(server: LyingServer, path: str, **fields: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    try:
        connection.request("GET", path, headers=fields)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def test_an_honest_server_has_every_answer(server: LyingServer) -> None:
    assert json.loads(ask(server, "/api/models/liar/m1/revision/main")[2]) == server.documents["hub"]
    assert hashlib.sha256(ask(server, "/files/m1.bin")[2]).hexdigest() == SHA256
    assert ask(server, "/files/m1.bin", Range="bytes=3-5")[::2] == (206, WEIGHTS[3:6])
    status, fields, _ = ask(server, "/v2/guarded/m1/manifests/1")
    assert (status, fields["WWW-Authenticate"][:6]) == (401, "Bearer")
    assert ask(server, "/v2/guarded/m1/manifests/1", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert json.loads(ask(server, "/models.json")[2])["manifest"]["models"][0]["id"] == "signed-1"


def test_a_lie_changes_one_field_of_one_role_so_often(server: LyingServer) -> None:
    server.tell(Lie("https", "file", "field", b"Content-Length", b"3", 1))
    assert ask(server, "/token")[1]["Content-Length"] != "3"
    assert ask(server, "/files/m1.bin")[1:] == (
        {**ask(server, "/files/m1.bin")[1], "Content-Length": "3"},
        WEIGHTS[:3],
    )
    assert server.requests == ["GET /token", "GET /files/m1.bin", "GET /files/m1.bin"]


def test_a_manifest_that_lies_is_signed_as_it_is(server: LyingServer) -> None:
    from actors.shared.manifest.manifest_signature import open_signed_manifest, read_keys
    from tests.support.http_servers import public_key_text
    from tests.support.signed_manifests import KEY

    server.tell(Lie("manifest", "signed", "json", ("models", 0, "name"), b'"Another"'))
    content = ask(server, "/models.json")[2]
    opened = open_signed_manifest(content, read_keys([public_key_text(KEY)]), "here")
    assert [entry.name for entry in opened.manifest.models] == ["Another", "Signed"]


def test_one_value_of_a_document_is_changed_or_goes() -> None:
    document = {"a": [{"b": 1}], "c": "x"}
    assert places_in(document) == [(), ("a",), ("a", 0), ("a", 0, "b"), ("c",)]
    assert with_value(document, ("a", 0, "b"), b"9" * 30) == b'{"a": [{"b": ' + b"9" * 30 + b'}], "c": "x"}'
    assert with_value(document, ("c",), b"") == b'{"a": [{"b": 1}]}'
    assert with_value(document, (), b"[") == b"["


def test_every_field_is_lied_about_and_a_seed_tells_the_same_lies_again(server: LyingServer) -> None:
    for protocol in PROTOCOLS:
        told = list(a_lie_a_field(1, protocol, server.documents))
        assert len(told) == len(fields_of(protocol, server.documents)) > 40
        assert told == list(a_lie_a_field(1, protocol, server.documents))
    first = list(itertools.islice(lies(7, server.documents), 60))
    assert first == list(itertools.islice(lies(7, server.documents), 60))
    assert {lie.protocol for lie in first} == set(PROTOCOLS)
    assert len({str(lie) for lie in first}) > 50
