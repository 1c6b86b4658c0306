"""Judges the manifests without a cluster: `python -m k8s.check`, which is `make k8s`."""

import argparse
import sys
from pathlib import Path

from k8s import agreement, kustomize, render, validate
from k8s.pod_files import envoy_problems
from k8s.workload import Built


def problems(root: Path = kustomize.ROOT, only: str = "") -> list[str]:
    """What is wrong with the manifests below `root`, each with the composition that it was seen in.

    :param only: the name of one composition. Default: all of them.
    """
    found = [f"k8s/{path} is stale: run `python -m k8s.render`" for path in render.stale(root)]
    for composition in kustomize.compositions():
        if only not in {"", composition.name}:
            continue
        try:
            built = Built(kustomize.build(composition, root))
        except kustomize.BuildError as error:
            found.append(f"{composition.name}: {error}")
            continue
        # The rules may take it for granted that fields are where they belong.
        told = validate.problems(built.objects) or [*agreement.problems(built), *envoy_problems(built)]
        found += [f"{composition.name}: {problem}" for problem in told]
    return found


def main() -> int:
    """Build every overlay and composition, and judge them; the exit status is 1 where anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m k8s.check", description=main.__doc__)
    parser.add_argument("--root", type=Path, default=kustomize.ROOT, help="another copy of k8s/")
    parser.add_argument("--only", default="", metavar="COMPOSITION", help="one of them, such as overlays/prod")
    arguments = parser.parse_args()
    root: Path = arguments.root
    only: str = arguments.only
    found = problems(root, only)
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        what = only or f"all {len(kustomize.compositions())} compositions"
        print(f"k8s: {what}: good for Kubernetes {' and '.join(validate.VERSIONS)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
