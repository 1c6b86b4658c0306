"""Names of one's own and aliases: what may be said, and what is told of the rest."""

import pytest

from service.config import ConfigError
from service.config.load import parse

OWN = """
models:
  prod-chat: {deployments: {a: {use: openai/gpt-4o, weight: 2}, b: {use: anthropic/claude-sonnet-4-5}}}
  openai/*: {}
  spare: {deployments: {a: {use: local/smollm2-135m-instruct}}, fallback: [prod-chat, gpt-4, prod-chat/b, openai/x]}
aliases: {gpt-4: prod-chat, newest: gpt-4, first: prod-chat/a, mini: openai/gpt-4o-mini}
"""


def test_a_name_of_ones_own_has_deployments_of_several_vendors() -> None:
    config = parse(OWN)
    assert [place.use for place in config.models["prod-chat"].deployments.values()] == [
        "openai/gpt-4o",
        "anthropic/claude-sonnet-4-5",
    ]
    assert config.aliases["newest"] == "gpt-4"
    assert config.uses_local


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("models: {p: {}}", "models.p: a name without a vendor needs deployments that say which models answer"),
        ("models: {p: {model: x}}", "models.p.model: a name of your own has `use` in its deployments instead"),
        ("models: {p: {deployments: {a: {}}}}", "models.p.deployments.a.use: required, such as use: openai/gpt-4o"),
        ("models: {p: {deployments: {a: {use: v/*}}}}", "models.p.deployments.a.use: a wildcard stands for many"),
        ("models: {p: {deployments: {a: {use: q}}}}", "models.p.deployments.a.use: expected vendor/model_name or "),
        ("models: {p: {deployments: {a: {use: v/m, model: n}}}}", "models.p.deployments.a.model: cannot stand beside"),
        ("models: {v/m: {deployments: {a: {use: v/n}}}}", "models.v/m.deployments.a.use: only for names without a"),
        ("aliases: {a: b, b: c, c: b}", "aliases.a: leads round in a circle: a → b → c → b"),
        ("aliases: {a: a}", "aliases.a: leads round in a circle: a → a"),
        ("aliases: {a: local/smollm}", "aliases.a: 'local/smollm' is not among the models; did you mean local/smollm2"),
        ("models: {v/*: {}}\naliases: {a: v/*}", "aliases.a: 'v/*' stands for many models; say one of them"),
        ("models: {p: {deployments: {a: {use: v/m}}}}\naliases: {p: p}", "aliases.p: hides the model of this name"),
        ("aliases: {v/m: local/smollm2-135m-instruct}", "aliases.v/m: expected a name without slashes"),
        ("models: {v/m: {fallback: [v/n]}}", "models.v/m.fallback: 'v/n' is not among the models; did you mean v/m?"),
    ],
)
def test_a_wrong_name_is_told_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert problem in str(caught.value)
