"""``python -m onevisit``: the command line."""

from onevisit.cli import main

main()
