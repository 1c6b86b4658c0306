import pytest

from service.config.load import parse
from service.supervisor.fixed import FixedError, refuse_fixed

BASE = "models: {openai/x: {}}\nkeys: []\n"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("listen: 127.0.0.1:9000", "listen"),
        ("workers: 7", "workers"),
        ("drain: 1s", "drain"),
        ("local: {threads: 2, slots: 8}", "local.threads, local.slots"),
        ("watchdog: {limit: 1m}", "watchdog.limit"),
        ("metrics: {}", "metrics"),
        ("tracing: {sample: 1}", "tracing.sample"),
        ("transport: aiohttp", "transport"),
        ("cors: {origins: ['*']}", "cors"),
        ("workers: 7\ndrain: 1s", "workers, drain"),
    ],
)
def test_what_needs_a_restart_is_refused_by_name(change: str, named: str) -> None:
    with pytest.raises(FixedError, match=f"^cannot change while it runs: {named}; restart Parley"):
        refuse_fixed(parse(BASE), parse(BASE + change))


@pytest.mark.parametrize(
    "change",
    ["keep_alive: 1s", "timeouts: {total: 1m}", "vendors: {openai: {queue: 1}}", "decode_every_event: true", ""],
)
def test_everything_else_may_change(change: str) -> None:
    refuse_fixed(parse(BASE), parse(BASE + change))


def test_the_embedded_model_cannot_come_or_go() -> None:
    with pytest.raises(FixedError, match="this starts the use of the embedded model"):
        refuse_fixed(parse(BASE), parse(""))
    with pytest.raises(FixedError, match="this ends the use of the embedded model"):
        refuse_fixed(parse(""), parse("models: {openai/x: {}}"))
