"""``make demo ON=kafka``: the demonstration on a Kafka and a PostgreSQL that are there for it alone."""

import os
import subprocess
import sys
from pathlib import Path

from tests.tier.shared import FOLDER, Run, share


def main() -> int:
    """Play the demonstration with these further words of the command line; return its exit code."""
    run = Run()
    os.environ[FOLDER] = str(run.folder)
    try:
        kafka, postgres = share("kafka"), share("postgres")
        print(f"{kafka.says}\n{postgres.says}", flush=True)
        admin = Path(run.folder) / "admin"
        admin.touch(mode=0o600)
        admin.write_text(postgres.address)
        words = ["--kafka", kafka.address, "--admin-file", str(admin), *sys.argv[1:]]
        return subprocess.call([sys.executable, "-m", "onevisit", "demo", *words])
    finally:
        run.end()


if __name__ == "__main__":
    sys.exit(main())
