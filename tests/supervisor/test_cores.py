import os
from pathlib import Path

import pytest

from service.supervisor.cores import usable_cores

MANY = 4


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def affinity(_pid: int) -> set[int]:
        return set(range(MANY))

    monkeypatch.setattr(os, "sched_getaffinity", affinity)


def put(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", MANY),
        ("200000 100000", 2),
        ("290000 100000", 2),
        ("50000 100000", 1),
        ("1600000 100000", MANY),
        ("nonsense", MANY),
    ],
)
def test_version_2_by_its_quota(tmp_path: Path, quota: str, cores: int) -> None:
    put(tmp_path, cpu__max=quota, own="0::/\n")
    assert usable_cores(tmp_path, tmp_path / "own") == cores


def test_the_tightest_group_above_counts(tmp_path: Path) -> None:
    put(tmp_path, own="0::/pods/one\n")
    put(tmp_path / "pods", cpu__max="200000 100000")
    put(tmp_path / "pods" / "one", cpu__max="300000 100000")
    assert usable_cores(tmp_path, tmp_path / "own") == 2


@pytest.mark.parametrize(("quota", "cores"), [("-1", MANY), ("300000", 3)])
def test_version_1_by_its_quota(tmp_path: Path, quota: str, cores: int) -> None:
    put(tmp_path / "cpu" / "one", cpu__cfs_quota_us=quota, cpu__cfs_period_us="100000")
    put(tmp_path, own="5:memory:/one\n4:cpu,cpuacct:/one\n")
    assert usable_cores(tmp_path, tmp_path / "own") == cores


def test_without_control_groups_it_is_the_affinity(tmp_path: Path) -> None:
    assert usable_cores(tmp_path, tmp_path / "none") == MANY
