"""Everything of deploy/ is held to the linters of its kind, each of which is seen to find something in a broken copy."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.test_one_machine import component

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Lint:
    """A linter, the files it judges, and what makes one of them wrong."""

    command: Sequence[str]
    files: Sequence[Path]
    was: str
    breaks: str


def of_ours(name: str, *words: str) -> list[str]:
    """Name a program that pip installed beside Python."""
    return [str(PROGRAMS / name), *words]


LINTS = {
    "compose": Lint(
        of_ours("check-jsonschema", "--builtin-schema", "vendor.compose-spec"),
        [DEPLOY / "compose.yaml"],
        "read_only: true",
        "readonly: true",
    ),
    "hadolint": Lint(of_ours("hadolint"), [DEPLOY / "Containerfile"], ":3.11.13-slim-bookworm", ":latest"),
    "yamllint": Lint(
        of_ours("yamllint", "--strict", "-c", str(DEPLOY / ".yamllint")),
        sorted(DEPLOY.rglob("*.yaml")),
        "x-hardened: &hardened\n",
        "x-hardened: &hardened\n  read_only: false\n",
    ),
    "shellcheck": Lint(
        ["shellcheck"],
        [*sorted(DEPLOY.rglob("*.sh")), DEPLOY.parent / "bin" / "onevisit"],
        '"$root/etc/onevisit/tls"',
        "$root/etc/onevisit/tls",
    ),
}


def run(lint: Lint, files: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    component(lint.command[0])
    return subprocess.run([*lint.command, *map(str, files)], capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("name", LINTS)
def test_a_linter_finds_nothing(name: str) -> None:
    assert LINTS[name].files
    done = run(LINTS[name], LINTS[name].files)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", LINTS)
def test_a_linter_finds_what_is_wrong(name: str, tmp_path: Path) -> None:
    lint = LINTS[name]
    (sound,) = [file for file in lint.files if lint.was in file.read_text("utf-8")]
    broken = tmp_path / sound.name
    broken.write_text(sound.read_text("utf-8").replace(lint.was, lint.breaks), encoding="utf-8")
    assert run(lint, [broken]).returncode != 0
