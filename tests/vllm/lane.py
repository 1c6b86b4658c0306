"""Runs the lane: makes its environment, starts vLLM, and has pytest ask it through Parley. Arguments go to pytest."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from tests.vllm import environment
from tests.vllm.server import serving

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "vllm.md"

URL_VARIABLE = "PARLEY_TEST_VLLM_URL"
"""Where pytest finds the server."""
PAGE_VARIABLE = "PARLEY_TEST_VLLM_PAGE"
"""Where it writes what came; not set where only some tests run."""

_LIMIT_S = 1800


async def run(arguments: list[str]) -> int:
    """Pytest's exit status."""
    with tempfile.TemporaryDirectory(prefix="parley-vllm-") as folder:
        async with serving(Path(folder)) as root:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "pytest", str(HERE), *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, URL_VARIABLE: root, **({} if arguments else {PAGE_VARIABLE: str(PAGE)})},
            )
            try:
                return await asyncio.wait_for(process.wait(), _LIMIT_S)
            finally:
                if process.returncode is None:
                    process.terminate()
                    await process.wait()


def main() -> int:
    """The whole lane."""
    environment.make()
    return asyncio.run(run(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
