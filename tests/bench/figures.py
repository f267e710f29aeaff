"""What a figure is: never alone, but beside a named baseline of the same run, since machines differ and are noisy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """
    One measured thing.

    Args:
        what: What was measured.
        value: How much, in *unit*.
        unit: s, ms, MiB, events/s …
        baseline: What it is compared with, measured in the same run.
        against: How much that was, in *unit*.
        aim: What issue 3 asks for; empty where it asks for nothing.
    """

    what: str
    value: float
    unit: str
    baseline: str
    against: float
    aim: str = ""

    @property
    def ratio(self) -> float:
        """Return how many times the baseline this is."""
        return self.value / self.against

    def line(self) -> str:
        """Write the figure as a line of the table."""
        value = f"{self.value:,.{0 if self.value >= 1000 else 1 if self.value >= 10 else 2}f} {self.unit}"
        return f"{self.what:58} {value:>16} {self.aim:>12} {self.ratio:9.2f} × {self.baseline}"
