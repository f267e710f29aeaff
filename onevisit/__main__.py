"""``python -m onevisit``: the command line."""

import gc

gc.disable()  # until the system is imported: all of that stays, and looking for garbage in it costs a fifth of the start
from onevisit.cli import main  # noqa: E402

main()
