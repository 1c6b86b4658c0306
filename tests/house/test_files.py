"""What no linter says: files stay small, and the repository speaks of nothing but the project."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 400

FILES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]


@pytest.mark.parametrize(
    "file",
    [f for f in FILES if f.suffix in {".py", ".proto"} and "_pb2" not in f.name],
    ids=lambda f: str(f.relative_to(ROOT)),
)
def test_a_file_holds_one_noun(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LIMIT


def test_no_lock_file_says_where_packages_come_from() -> None:
    for file in FILES:
        if file.suffix == ".lock" or file.name == "package-lock.json":
            assert not re.search(r"index-url|https?://|find-links", file.read_text()), file
