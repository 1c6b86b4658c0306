import os
import re
import subprocess
import sys


def test_each_case_is_answered_and_compared() -> None:
    # In a process of its own, because it sets up logging for itself.
    argv = (sys.executable, "-m", "bench.pipeline", "--rounds", "1", "--calls", "2")
    env = {**os.environ, "PYTHONPATH": ".:protos"}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    baseline, *cases = done.stdout.splitlines()
    assert baseline.startswith("orjson.loads")
    assert [re.fullmatch(r"(unary|stream of .*?) +[0-9.]+ µs +[0-9]+ x loads", line) is not None for line in cases] == [
        True
    ] * 3
