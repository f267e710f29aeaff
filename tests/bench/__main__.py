"""``python -m tests.bench``: print the figures of docs/performance.md; ratios are against the baseline of the same run."""

from tests.bench import events


def main() -> None:
    """Print every figure."""
    for what, value, unit in events.figures():
        print(f"{what:72} {value:12,.2f} {unit}", flush=True)


main()
