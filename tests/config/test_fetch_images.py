import pytest

from service.config import ConfigError
from service.config.load import parse


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10.1.2.3/16", "10.1.0.0/16"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("fd00::1", "fd00::1/128"),
        ("Images.Internal", "images.internal"),
        ("cdn", "cdn"),
    ],
)
def test_places_that_may_be_fetched_from(written: str, meant: str) -> None:
    assert parse(f"fetch_images: {{allow: ['{written}'], timeout: 2s}}").fetch_images.allow == (meant,)


@pytest.mark.parametrize("written", ["10.1.2.3/33", "10.1.2.300", "http://a.b", "a.b/c", "*.a.b", "a b", "", "a:80"])
def test_what_is_no_place_is_refused_with_its_line(written: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"fetch_images:\n  allow: ['{written}']")
    assert "parley.yaml:2:11: fetch_images.allow[0]: expected a host's name" in str(caught.value)
