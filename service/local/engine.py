"""The embedded model's engine: llama.cpp's own HTTP server, in a process that cannot take a worker down with it.

`python -m service.local.engine --weights FILE --socket PATH …` serves until a signal ends it.
"""

import argparse
import importlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

ALIAS = "smollm2-135m-instruct"
"""The name that the engine gives its model."""
SOCKET = "local.sock"
"""The engine's unix socket in the runtime directory; HTTP/1.1."""

_BATCH_TOKENS = 128
"""Tokens of a prompt that are read in one step. Between steps other requests go on, and a caller who left is noticed:
at the engine's default of 2048 a long prompt stalls everyone for ten seconds, and 128 costs no more time in all."""
_PROMPT_CACHE_MIB = 256
"""Prompts kept for callers who come back with the same beginning. The engine's default is 8 GiB."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How the engine runs."""

    weights: Path
    """A GGUF file."""
    socket: Path
    """Unix socket that it listens on, whose name ends in `.sock`; only its owner can connect."""
    alias: str = ALIAS
    """The model's name in answers."""
    context: int = 8192
    """Tokens of context, shared out among the slots. 23 kB of memory each, with the default weights."""
    slots: int = 4
    """Requests served at once; more wait in a queue."""
    threads: int = 1
    """Threads that compute. More than the machine has idle cores make it slower, not faster."""
    log: bool = False
    """Whether llama.cpp's output while it serves is kept. It may hold callers' text, such as a faulty grammar."""


_LOG_ERRORS = 1


class _PathSetting(Protocol):
    path: str


class _CpuSetting(Protocol):
    n_threads: int


class _CommonParams(Protocol):
    """What is set of xllamacpp.CommonParams, which ships no types."""

    model: _PathSetting
    model_alias: set[str]
    hostnames: list[str]
    n_ctx: int
    n_parallel: int
    n_batch: int
    n_ubatch: int
    cache_ram_mib: int
    cpuparams: _CpuSetting
    cpuparams_batch: _CpuSetting
    fit_params: bool
    verbosity: int
    ui: bool


class _Xllamacpp(Protocol):
    def CommonParams(self) -> _CommonParams: ...  # noqa: N802 (the library's name)
    def Server(self, params: _CommonParams) -> object: ...  # noqa: N802


def command(options: EngineOptions) -> tuple[str, ...]:
    """The command line that runs the engine in a process of its own."""
    return (
        *(sys.executable, "-m", "service.local.engine"),
        *("--weights", str(options.weights), "--socket", str(options.socket), "--alias", options.alias),
        *("--context", str(options.context), "--slots", str(options.slots), "--threads", str(options.threads)),
        *(("--log",) if options.log else ()),
    )


def serve(options: EngineOptions) -> None:
    """Runs the engine in this process until a signal ends it.

    GET /health answers 503 while the model loads, then 200. Requests sent with `"stream": true` and
    `"return_progress": true` stop when their caller goes; others are computed to their end. After a stream it closes
    the connection without having said so: connections to it are not to be used twice.

    :raises RuntimeError: the weights cannot be loaded.
    """
    library = cast("_Xllamacpp", cast("object", importlib.import_module("xllamacpp")))
    params = library.CommonParams()
    params.model.path = str(options.weights)
    params.model_alias = {options.alias}
    params.hostnames = [str(options.socket)]
    params.n_ctx = options.context
    params.n_parallel = options.slots
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    # Otherwise it tries the model on graphics cards first.
    params.fit_params = False
    params.verbosity = _LOG_ERRORS
    params.ui = False

    os.umask(0o077)
    # One that was killed leaves its socket, on which the next cannot listen.
    options.socket.unlink(missing_ok=True)
    # The engine computes in threads of its own; by default a signal ends them all at once, also while it loads.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    server = library.Server(params)
    if not options.log:
        # llama.cpp prints the text that it could not parse, at any verbosity.
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
            os.dup2(nowhere.fileno(), sys.stderr.fileno())
    while server:
        signal.pause()


def main() -> None:
    defaults = EngineOptions(weights=Path(), socket=Path())
    parser = argparse.ArgumentParser(prog="python -m service.local.engine", description="Runs the embedded model.")
    parser.add_argument("--weights", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--socket", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument("--alias", default=defaults.alias, help="the model's name in answers")
    parser.add_argument("--context", type=int, default=defaults.context, help="tokens, shared out among the slots")
    parser.add_argument("--slots", type=int, default=defaults.slots, help="requests served at once")
    parser.add_argument("--threads", type=int, default=defaults.threads, help="threads that compute")
    parser.add_argument("--log", action="store_true", help="print what llama.cpp says while it serves")
    given = parser.parse_args(namespace=argparse.Namespace())
    options = EngineOptions(
        weights=given.weights,
        socket=given.socket,
        alias=given.alias,
        context=given.context,
        slots=given.slots,
        threads=given.threads,
        log=given.log,
    )
    try:
        serve(options)
    except ModuleNotFoundError as error:
        sys.exit(f"the embedded model needs the package {error.name}: pip install 'parley[local]'")
    except RuntimeError as error:
        sys.exit(f"the engine cannot run {options.weights}: {error}")


if __name__ == "__main__":
    main()
