"""Commands as they are to be typed on this machine."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_HOME = Path("build/home")
HomePath = Annotated[Path, typer.Option("--home", envvar="ONEVISIT_HOME", help="The data folder.")]


def command(words: str, home: Path | None = None) -> str:
    """Return the line that runs ``onevisit`` *words* with this Python, from here, on *home* if it is not the default one."""
    python = Path(sys.executable)
    shown = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    where = "" if home is None or home.resolve() == DEFAULT_HOME.resolve() else f" --home {shlex.quote(str(home))}"
    return f"{shown} -m onevisit {words}{where}"
