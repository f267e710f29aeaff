"""How the command line speaks: lines as they are, and refusals with their sentence, next step and code."""

import os
import sys

from rich.console import Console

from runtime.errors import OneVisitError


class _ToWhoeverReads(Console):
    """A console whose reader may have seen enough, as ``| head`` has: the rest is said to nobody, and the exit code is kept."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


out = _ToWhoeverReads()
err = Console(stderr=True)


def say(text: str) -> None:
    """Print a line as it is, however long."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def remark(text: str) -> None:
    """Print a line beside the answer, to standard error."""
    err.print(text, markup=False, highlight=False, soft_wrap=True)


def refuse(refusal: OneVisitError) -> None:
    """Say why something was not done."""
    from onevisit.sentences import lines_about

    for line in lines_about(refusal):
        remark(line)
