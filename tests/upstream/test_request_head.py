"""The head of a request: what must be there, and that nothing can be smuggled into it."""

import contextlib
import gc
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import ApiError
from service.proxies import Address, Proxy, parse_proxy
from service.upstream.http_origin import parse_base
from tests.upstream.stage import Stage, staged
from tests.vendor import raw


def lines(url: str, path: str = "/p", headers: dict[str, str] | None = None, length: int = 3) -> list[str]:
    head = parse_base(url, None, None).head(path, headers or {}, length)
    assert head.endswith(b"\r\n\r\n")
    return head[:-4].decode("latin-1").split("\r\n")


def test_a_head_is_whole() -> None:
    assert lines("https://api.example/v1", "/chat", {"authorization": "Bearer x"}) == [
        "POST /v1/chat HTTP/1.1",
        "host: api.example",
        "accept-encoding: identity",
        "user-agent: parley",
        "authorization: Bearer x",
        "content-length: 3",
    ]


@dataclass(frozen=True, slots=True)
class Place:
    url: str
    host: str
    target: str
    address: Address


PLACES = (
    Place("http://h", "h", "/p", Address("h", 80)),
    Place("http://H:80/", "h", "/p", Address("h", 80)),
    Place("https://h:443/a/", "h", "/a/p", Address("h", 443)),
    Place("https://h:80", "h:80", "/p", Address("h", 80)),
    Place("http://127.0.0.1:8000/v1", "127.0.0.1:8000", "/v1/p", Address("127.0.0.1", 8000)),
    Place("http://[::1]:8000/v1", "[::1]:8000", "/v1/p", Address("::1", 8000)),
    Place("http://[2001:db8::1]", "[2001:db8::1]", "/p", Address("2001:db8::1", 80)),
    Place("http://bücher.example", "xn--bcher-kva.example", "/p", Address("xn--bcher-kva.example", 80)),
)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.url)
def test_the_host_is_named_right(place: Place) -> None:
    assert lines(place.url)[:2] == [f"POST {place.target} HTTP/1.1", f"host: {place.host}"]
    assert parse_base(place.url, None, None).origin.address == place.address


def test_own_headers_give_way_to_the_calls() -> None:
    head = lines("http://h", headers={"user-agent": "other", "host": "elsewhere"})
    assert head == [
        "POST /p HTTP/1.1",
        "accept-encoding: identity",
        "user-agent: other",
        "host: elsewhere",
        "content-length: 3",
    ]


@pytest.mark.parametrize(
    "url", ["ftp://h", "http://", "h", "http://u:p@h", "http://h?a=b", "http://h/#a", "http://h:99999"]
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parse_base(url, None, None)


@pytest.mark.parametrize("path", ["/a b", "/a\r\nx: y", "/a#b", "/a\0b", "/ä", "/a\nGET / HTTP/1.1"])
def test_a_path_is_quoted(path: str) -> None:
    target = lines("http://h", path)[0].removeprefix("POST ").removesuffix(" HTTP/1.1")
    assert target.isascii()
    assert target.isprintable()
    assert not set(" #") & set(target)


BAD = (
    {"x-a": "b\r\nevil: 1"},
    {"x-a": "b\nevil"},
    {"x-a": "b\revil"},
    {"x-a": "b\0"},
    {"x-a": "b\r\n\r\nGET / HTTP/1.1"},
    {"x-a": "\u010a"},
    {"x-a": "\x7f"},
    {"x-a\r\nevil": "b"},
    {"x a": "b"},
    {"x:a": "b"},
    {"": "b"},
    {"Content-Length": "7"},
    {"content-length": "7"},
    {"transfer-encoding": "chunked"},
    {"connection": "keep-alive, x-a"},
    {"user-agent": "other", "content-length": "7"},
    {"user-agent": "a\r\nb: c"},
)


@pytest.mark.parametrize("headers", BAD, ids=repr)
def test_a_bad_header_is_refused_without_its_value(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError) as caught:
        lines("http://h", headers=headers)
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize("headers", BAD, ids=repr)
def test_a_bad_header_is_refused_where_others_of_its_name_were_good(headers: dict[str, str]) -> None:
    base = parse_base("http://h", None, None)
    with contextlib.suppress(ValueError):
        base.head("/p", dict.fromkeys(headers, "close"), 3)
    with pytest.raises(ValueError) as caught:
        base.head("/p", headers, 3)
    assert "evil" not in str(caught.value)


def test_heads_of_one_form_are_each_their_own() -> None:
    base = parse_base("http://h", None, None)
    for value, length in (("%s", 1), ("%", 22), ("caf\xe9", 3)):
        head = base.head("/a%2Fb", {"x%a": value, "x-b": "\t"}, length, "GET").decode("latin-1").split("\r\n")
        assert head[0] == "GET /a%2Fb HTTP/1.1"
        assert head[-5:] == [f"x%a: {value}", "x-b: \t", f"content-length: {length}", "", ""]
    assert base.head("/a%2Fb", {"x-b": "", "x%a": ""}, 0) != base.head("/a%2Fb", {"x%a": "", "x-b": ""}, 0)


def test_many_paths_leave_little_behind() -> None:
    base = parse_base("http://h", None, None)

    def held(paths: range) -> int:
        before = len(gc.get_objects())
        for number in paths:
            assert base.head(f"/{number}", {}, 3).startswith(b"POST /%d HTTP" % number)
        gc.collect()
        return len(gc.get_objects()) - before

    held(range(1000))
    assert held(range(1000, 9000)) < 4000


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_no_header_makes_another_line(headers: dict[str, str]) -> None:
    try:
        head = lines("http://h", headers=headers)
    except ValueError:
        return
    own = {"host", "accept-encoding", "user-agent"} - headers.keys()
    assert len(head) == 2 + len(headers) + len(own)


@staged
async def test_no_bad_header_reaches_a_vendor(stage: Stage) -> None:
    stage.vendor.always(raw(200, b"", {}))
    for headers in ({"x-a": "secret\r\nevil: 1"}, {"x-a": "secret\0"}, {"x\r\n": "secret"}):
        with pytest.raises(ApiError) as caught:
            await stage.send(headers=headers)
        assert "secret" not in caught.value.message
    assert not stage.vendor.requests


@staged
async def test_what_is_sent_arrives(stage: Stage) -> None:
    stage.vendor.always(raw(200, b"", {}))
    await stage.send(
        b'{"a": 1}',
        {"authorization": "Bearer k", "x-latin": "caf\xe9"}
        if stage.kind.transport == "http"
        else {"authorization": "Bearer k"},
    )
    request = stage.vendor.requests[0]
    assert (request.method, request.path, request.body) == ("POST", "/v1/chat/completions", b'{"a": 1}')
    assert request.headers["authorization"] == "Bearer k"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"] == "parley"
    assert request.headers["content-length"] == "8"
    assert request.headers["host"] == stage.vendor.base_url.removeprefix("http://")
    names = [name for name, _ in request.raw_headers]
    assert len(names) == len(set(names))


PATHS = (
    ("/model/arn%3Aaws%3Abedrock%2Fm/converse-stream", "/model/arn%3Aaws%3Abedrock%2Fm/converse-stream"),
    ("/a:b/c@d", "/a:b/c@d"),
    ("/a/../b//c", "/a/../b//c"),
    ("/chat?api-version=2024-10-21&q=a%2Bb+c", "/chat?api-version=2024-10-21&q=a%2Bb+c"),
    ("/a b#c", "/a%20b%23c"),
)


@pytest.mark.parametrize(("path", "sent"), PATHS, ids=[path for path, _ in PATHS])
@staged
async def test_a_path_arrives_as_it_was_signed(stage: Stage, path: str, sent: str) -> None:
    stage.vendor.always(raw(200, b"", {}))
    await stage.send(path=path)
    assert stage.vendor.requests[0].path == sent


def test_a_proxys_url_is_taken_apart_and_its_password_not_shown() -> None:
    assert parse_proxy("proxy.example:3128") == Proxy(Address("proxy.example", 3128))
    with_password = parse_proxy("http://u:pw@proxy.example")
    assert with_password.authorization == "Basic dTpwdw=="
    assert "dTpwdw" not in repr(with_password)
    with pytest.raises(ValueError) as caught:
        parse_proxy("socks5://u:pw@proxy.example")
    assert "pw" not in str(caught.value)
