"""Runs the verifier of the page under node: whole records, or single values."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from playwright._impl._driver import compute_driver_executable

HERE = Path(__file__).parent
SECONDS = 240  # for one run of node
Replacement = tuple[str, str]


@cache
def node() -> str:
    """Give a node: the one of this machine, else the one that Playwright brings along."""
    return shutil.which("node") or str(compute_driver_executable()[0])


def _options(without: Iterable[Replacement]) -> list[str]:
    return [word for taken, put in without for word in ("--without", taken, "--with", put)]


def verified(*folders: Path, without: Sequence[Replacement] = ()) -> dict[str, Any]:
    """
    Verify every case of some folders; give {name of the case: report}.

    *without* replaces pieces of the verifier's own text, to see what a guard is for.
    """
    command = [node(), str(HERE / "run.mjs"), *_options(without), *map(str, folders)]
    ran = subprocess.run(command, capture_output=True, check=True, encoding="utf-8", timeout=SECONDS)
    reports = [json.loads(line) for line in ran.stdout.splitlines()]
    return {report["case"]: report for report in reports}


def computed(requests: Iterable[Any], without: Sequence[Replacement] = ()) -> list[Any]:
    """Answer requests to compute.mjs, in order; each answer is {"answer": …} or {"refused": …, "place", "en"}."""
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    command = [node(), str(HERE / "compute.mjs"), *_options(without)]
    ran = subprocess.run(command, input=lines, capture_output=True, check=True, encoding="utf-8", timeout=SECONDS)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def named(report: Any) -> tuple[int, int | None, str | None]:
    """Give what two verifiers have to agree on: the exit code, and section and place of the first difference."""
    difference = report["difference"]
    if difference is None:
        return report["exit"], None, None
    return report["exit"], difference["section"], difference["place"]
