"""A real vLLM on this machine's processor, from its weights to its end."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp

from service.local import weights
from tests.stack import VENDOR_KEY
from tests.vendor import unused_port
from tests.vllm.environment import PYTHON

MODEL = "smollm2"
"""Its name at the server."""
CONTEXT = 4096
"""Tokens."""

_CONVERT_LIMIT_S = 600
_START_LIMIT_S = 900
_STOP_LIMIT_S = 30
_TELL_EVERY_S = 15

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "TQDM_DISABLE": "1",
    # Not an argument, which everybody on the machine could read.
    "VLLM_API_KEY": VENDOR_KEY,
}

_FLAGS = (
    *("--max-model-len", str(CONTEXT), "--max-num-seqs", "4", "--enforce-eager"),
    *("--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--trust-request-chat-template"),
)


def tell(line: str) -> None:
    """Says how far it is."""
    print(f"vllm: {line}", file=sys.stderr, flush=True)


async def converted_weights() -> Path:
    """The embedded model's weights in the form that vLLM reads; made once, and kept beside them."""
    source = weights.locate(None) or await weights.fetch(weights.default_dir(), tell)
    output = weights.default_dir() / f"{source.stem}.safetensors"
    if not output.exists():
        output.parent.mkdir(parents=True, exist_ok=True)
        tell("converting the weights, once (30 s)")
        convert = Path(__file__).with_name("convert.py")
        process = await asyncio.create_subprocess_exec(
            *(PYTHON, convert, source, output),
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=True,
        )
        async with _ended(process):
            await asyncio.wait_for(process.wait(), _CONVERT_LIMIT_S)
        if process.returncode != 0:
            sys.exit("vllm: the weights could not be converted")
    return output


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncGenerator[str]:
    """vLLM until the block ends; gives its root URL. Its log is in `folder`."""
    port = unused_port()
    root = f"http://127.0.0.1:{port}"
    model = await converted_weights()
    log = folder / "vllm.log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            # The `vllm` command looks for a graphics processor before it reads its arguments.
            *(PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", model, "--served-model-name", MODEL),
            *("--host", "127.0.0.1", "--port", str(port), *_FLAGS),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env={**os.environ, **_ENVIRONMENT},
            # It starts processes of its own, which end with its group.
            start_new_session=True,
        )
    async with _ended(process):
        await _ready(process, root, log)
        yield root


async def _ready(process: Process, root: str, log: Path) -> None:
    tell("starting; it takes two minutes")
    clock = asyncio.get_running_loop().time
    told = began = clock()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while not await _healthy(session, root):
            if process.returncode is not None or clock() - began > _START_LIMIT_S:
                sys.exit("\n".join(["vllm: it did not start. The end of its log:", *_tail(log)]))
            if clock() - told > _TELL_EVERY_S:
                told = clock()
                tell(f"starting … {told - began:.0f} s")
            await asyncio.sleep(0.5)
    tell(f"ready after {clock() - began:.0f} s")


def _tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-40:]


async def _healthy(session: aiohttp.ClientSession, root: str) -> bool:
    try:
        async with session.get(f"{root}/health") as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


@contextlib.asynccontextmanager
async def _ended(process: Process) -> AsyncGenerator[None]:
    """Ends the process, and all that it has started, with the block."""
    try:
        yield
    finally:
        if process.returncode is None:
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _STOP_LIMIT_S)
        # What it started may have outlived it.
        _signal(process, signal.SIGKILL)
        await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
