"""``python -m tests.bench``: print the figures of docs/performance.md; ratios are against the baseline of the same run."""

from itertools import chain

from tests.bench import county, events


def main() -> None:
    """Print every figure."""
    for what, value, unit in chain(events.figures(), county.figures()):
        print(f"{what:72} {value:12,.2f} {unit}", flush=True)


main()
