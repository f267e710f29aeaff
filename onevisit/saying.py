"""How the command line speaks: lines as they are, and refusals with their sentence, next step and code."""

from rich.console import Console

from runtime.errors import OneVisitError

out = Console()
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
