"""Which proxy leads to a vendor, and which environment is refused."""

import pytest

from service.config.load import parse
from service.proxies import Address, Proxy, ProxyError, proxy_for
from service.routing.table import RoutingError, build

PROXY = "http://proxy.example:3128"
VIA = Proxy(Address("proxy.example", 3128))

CASES: list[tuple[dict[str, str], str, Proxy | None]] = [
    ({}, "https://api.example/v1", None),
    ({"HTTPS_PROXY": PROXY}, "https://api.example/v1", VIA),
    ({"https_proxy": PROXY}, "https://api.example/v1", VIA),
    ({"HTTPS_PROXY": PROXY}, "http://api.example/v1", None),
    ({"HTTP_PROXY": PROXY}, "http://api.example/v1", VIA),
    ({"HTTP_PROXY": PROXY}, "https://api.example/v1", None),
    ({"HTTPS_PROXY": PROXY}, "grpcs://api.example", VIA),
    ({"HTTP_PROXY": PROXY}, "grpc://api.example:50051", VIA),
    ({"ALL_PROXY": PROXY}, "https://api.example/v1", VIA),
    ({"ALL_PROXY": PROXY}, "http://api.example/v1", VIA),
    ({"all_proxy": PROXY}, "grpcs://api.example", VIA),
    ({"ALL_PROXY": "http://other.example", "HTTPS_PROXY": PROXY}, "https://api.example", VIA),
    ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other.example"}, "https://api.example", VIA),
    ({"https_proxy": "", "HTTPS_PROXY": PROXY}, "https://api.example", VIA),
    ({"HTTPS_PROXY": "proxy.example:3128"}, "https://api.example", VIA),
    ({"HTTPS_PROXY": "https://proxy.example"}, "https://api.example", Proxy(Address("proxy.example", 443), tls=True)),
    ({"HTTPS_PROXY": "http://[2001:db8::1]:3128"}, "https://api.example", Proxy(Address("2001:db8::1", 3128))),
    ({"ALL_PROXY": PROXY}, "http://localhost:8000/v1", None),
    ({"ALL_PROXY": PROXY}, "http://127.8.0.1:8000/v1", None),
    ({"ALL_PROXY": PROXY}, "http://[::1]:8000/v1", None),
    # One that cannot be used does no harm to what does not need it.
    ({"ALL_PROXY": "socks5://proxy.example"}, "http://localhost:8000/v1", None),
    ({"ALL_PROXY": "socks5://proxy.example", "NO_PROXY": "*"}, "https://api.example", None),
]


@pytest.mark.parametrize(("environ", "url", "proxy"), CASES, ids=str)
def test_the_environment_names_the_proxy(environ: dict[str, str], url: str, proxy: Proxy | None) -> None:
    assert proxy_for(url, environ) == proxy


PAST = (
    ("*", "https://api.example"),
    ("api.example", "https://api.example/v1"),
    ("API.Example", "https://api.EXAMPLE/v1"),
    ("example", "https://api.example"),
    (".example", "https://api.example"),
    (".api.example", "https://api.example"),
    ("api.example.", "https://api.example"),
    ("api.example", "https://api.example./v1"),
    ("*.example", "https://api.example"),
    ("*.example", "grpcs://api.example"),
    ("other.example, api.example", "https://api.example"),
    ("other.example api.example", "https://api.example"),
    ("api.example:8443", "https://api.example:8443/v1"),
    ("api.example:443", "https://api.example/v1"),
    ("*.example:443", "https://api.example/v1"),
    ("10.0.0.0/8", "https://10.1.2.3/v1"),
    ("10.1.2.3/8", "http://10.9.9.9/v1"),
    ("10.0.0.0/8", "grpc://10.1.2.3:50051"),
    ("10.1.2.3", "https://10.1.2.3/v1"),
    ("10.1.2.3:8000", "http://10.1.2.3:8000/v1"),
    ("2001:db8::/32", "https://[2001:db8::1]/v1"),
    ("2001:db8::1", "https://[2001:DB8:0::1]/v1"),
    ("[2001:db8::1]", "https://[2001:db8::1]/v1"),
    ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443/v1"),
    ("10.0.0.0/8", "https://[::ffff:10.1.2.3]/v1"),
)
THROUGH = (
    ("", "https://api.example"),
    (",", "https://api.example"),
    ("api.example", "https://notapi.example"),
    ("pi.example", "https://api.example"),
    ("*.api.example", "https://api.example"),
    ("api.example:8443", "https://api.example/v1"),
    ("10.0.0.0/8", "https://11.1.2.3/v1"),
    ("10.0.0.0/8", "https://10.example/v1"),
    ("2001:db8::/32", "https://[2001:db9::1]/v1"),
    ("[2001:db8::1]:8443", "https://[2001:db8::1]/v1"),
    ("10.1.2.3:8000", "http://10.1.2.3:8001/v1"),
    ("10.1.2", "http://10.1.2.3/v1"),
)


@pytest.mark.parametrize(("named", "url"), PAST, ids=str)
def test_what_no_proxy_names_is_reached_without(named: str, url: str) -> None:
    assert proxy_for(url, {"ALL_PROXY": PROXY, "NO_PROXY": named}) is None


@pytest.mark.parametrize(("named", "url"), THROUGH, ids=str)
def test_what_no_proxy_does_not_name_is_reached_through_it(named: str, url: str) -> None:
    assert proxy_for(url, {"ALL_PROXY": PROXY, "NO_PROXY": named}) == VIA


REFUSED = (
    ("socks5://u:pw@proxy.example:1080", "https", "socks5 is no kind of proxy that can be used; expected http://HOST:PORT or https://HOST:PORT"),
    ("socks5h://proxy.example", "https", "socks5h is no kind of proxy that can be used; expected http://HOST:PORT or https://HOST:PORT"),
    ("ftp://proxy.example", "https", "this is no kind of proxy that can be used; expected http://HOST:PORT or https://HOST:PORT"),
    ("http://", "https", "expected http://HOST:PORT or https://HOST:PORT"),
    ("http://proxy.example:port", "https", "expected http://HOST:PORT or https://HOST:PORT"),
    ("https://proxy.example", "grpcs", "gRPC cannot be led through https://; expected http://HOST:PORT"),
)  # fmt: skip


@pytest.mark.parametrize(("named", "scheme", "problem"), REFUSED, ids=[named for named, _, _ in REFUSED])
def test_a_proxy_that_cannot_be_used_is_refused_by_name(named: str, scheme: str, problem: str) -> None:
    with pytest.raises(ProxyError) as caught:
        proxy_for(f"{scheme}://api.example", {"HTTPS_PROXY": named})
    assert str(caught.value) == f"the environment's HTTPS_PROXY: {problem}"


def test_it_is_refused_before_anything_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5://u:pw@proxy.example:1080")
    config = parse("vendors: {acme: {dialect: openai, base_url: 'https://api.example/v1'}}\nmodels: {acme/m: {}}\n")
    with pytest.raises(RoutingError, match=r"^models.acme/m: the environment's ALL_PROXY: socks5 is no kind"):
        build(config)
