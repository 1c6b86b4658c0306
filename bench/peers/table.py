"""What Parley is compared with, one entry each."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from bench import request
from bench.environment import LITELLM, NGINX, PORTKEY, VLLM_ROUTER
from bench.peer import KEY, Peer, Route
from bench.scenario import GRPC_STREAMS, STREAMS, UNARY, Api

_ROOT = Path(__file__).parent.parent.parent
_PYTHONPATH = f"{_ROOT}:{_ROOT / 'protos'}"
_KEY_HEADER = (f"authorization: Bearer {KEY}",)
_ENVOY_FLAGS = ("--concurrency", "1", "--log-level", "error", "--disable-hot-restart")
_PLAIN = {Api.REST: Route("m")}

DIRECT = Peer(
    "direct",
    "the mock vendor with nothing before it: what the measurement itself costs, and no gateway's CPU",
    routes={Api.REST: Route("m"), Api.TRANSLATED: Route("c", unary="/v1/messages", stream="/v1/messages")},
    quick=True,
)

PARLEY = Peer(
    "parley",
    "one worker; callers' keys, accounts, metrics and the request log on",
    routes={
        Api.REST: Route("mock/m", headers=_KEY_HEADER),
        Api.TRANSLATED: Route("claude/c", headers=_KEY_HEADER),
        Api.GRPC: Route(
            "mock/m",
            unary="/parley.chat.v1.ChatService/CreateCompletion",
            stream="/parley.chat.v1.ChatService/StreamCompletion",
            headers=_KEY_HEADER,
            body=request.as_parley_message,
        ),
    },
    commands=(("$python", "-m", "service.cli.main", "up", "--config", "$directory/parley.yaml"),),
    templates=("parley.yaml",),
    environment={
        "BENCH_VENDOR_KEY": "bench-vendor-key",
        "BENCH_KEY_SHA256": hashlib.sha256(KEY.encode()).hexdigest(),
        "BENCH_WORKERS": "1",
        "BENCH_WITHOUT_METRICS": "",
        "PYTHONPATH": _PYTHONPATH,
    },
    quick=True,
)

_FLOOR_R = Peer(
    "floor R",
    "Envoy's transcoder and a Python server that passes JSON on as bytes: no keys, no routing, no accounts",
    routes={Api.REST: Route("m", unary="/raw/create", stream="/raw/stream")},
    commands=(
        ("$python", "-m", "bench.floor.server", "--listen", "unix:$directory/floor.sock", "--vendor", "$vendor"),
        ("$bin/envoy", "--config-path", "$directory/floor-envoy.yaml", *_ENVOY_FLAGS),
    ),
    templates=("floor-envoy.yaml",),
    environment={"PYTHONPATH": _PYTHONPATH},
    quick=True,
)

PEERS = (
    DIRECT,
    PARLEY,
    replace(
        PARLEY,
        name="parley, 2 workers",
        what="the same with two workers",
        environment={**PARLEY.environment, "BENCH_WORKERS": "2"},
        scenarios=(UNARY, STREAMS, GRPC_STREAMS),
        quick=False,
    ),
    replace(
        PARLEY,
        name="parley, signals off",
        what="one worker, without metrics and the request log: what those cost",
        environment={**PARLEY.environment, "BENCH_WITHOUT_METRICS": "# ", "PARLEY_LOG_LEVEL": "warning"},
        scenarios=(UNARY, STREAMS),
        quick=False,
    ),
    _FLOOR_R,
    replace(
        _FLOOR_R,
        name="floor T",
        what="the same with typed messages",
        routes={
            Api.REST: Route("m", stream="/v1/chat/completions:stream"),
            Api.GRPC: Route(
                "m",
                unary="/bench.floor.Floor/Create",
                stream="/bench.floor.Floor/Stream",
                body=request.as_floor_message,
            ),
        },
    ),
    Peer(
        "nginx",
        "a plain proxy",
        routes=_PLAIN,
        commands=(("$installed", "-c", "$directory/nginx.conf", "-p", "$directory", "-e", "$directory/error.log"),),
        templates=("nginx.conf",),
        installation=NGINX,
    ),
    Peer(
        "envoy",
        "a plain proxy, with no other filter than the router",
        routes=_PLAIN,
        commands=(("$bin/envoy", "--config-path", "$directory/envoy.yaml", *_ENVOY_FLAGS),),
        templates=("envoy.yaml",),
    ),
    Peer(
        "vllm-router",
        "a load balancer in Rust; no keys, no translation",
        routes=_PLAIN,
        commands=(
            (
                *("$installed/bin/vllm-router", "--worker-urls", "http://127.0.0.1:$vendor", "--policy", "round_robin"),
                *("--host", "127.0.0.1", "--port", "$port", "--prometheus-port", "$spare", "--log-level", "error"),
            ),
        ),
        installation=VLLM_ROUTER,
    ),
    Peer(
        "portkey",
        "a gateway in TypeScript, on Node.js; as it comes",
        routes={
            Api.REST: Route(
                "m",
                headers=(
                    *_KEY_HEADER,
                    "x-portkey-provider: openai",
                    "x-portkey-custom-host: http://127.0.0.1:$vendor/v1",
                ),
            ),
            Api.TRANSLATED: Route(
                "c",
                headers=(
                    *_KEY_HEADER,
                    "x-portkey-provider: anthropic",
                    "x-portkey-custom-host: http://127.0.0.1:$vendor/v1",
                ),
            ),
        },
        commands=(
            (
                "$node",
                "$installed/node_modules/@portkey-ai/gateway/build/start-server.js",
                *("--port=$port", "--headless"),
            ),
        ),
        environment={"NODE_ENV": "production"},
        installation=PORTKEY,
    ),
    Peer(
        "litellm",
        "a gateway in Python; its master key on, no database, one worker",
        routes={
            Api.REST: Route("mock-m", headers=_KEY_HEADER),
            Api.TRANSLATED: Route("claude-c", headers=_KEY_HEADER),
        },
        commands=(
            (
                *("$installed/bin/litellm", "--config", "$directory/litellm.yaml"),
                *("--host", "127.0.0.1", "--port", "$port", "--num_workers", "1"),
            ),
        ),
        templates=("litellm.yaml",),
        model_entries="litellm-model.txt",
        environment={
            "LITELLM_MASTER_KEY": KEY,
            "LITELLM_LOG": "ERROR",
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        },
        installation=LITELLM,
        most_chunks_per_second=300,
    ),
)
"""In the order of the tables."""
