"""
Provide what the tests need beyond Python: a Chromium with Chinese fonts.

Where apt-get may be used it installs them; else it says what to install. Under ONEVISIT_CI=1 a missing component is an error.
"""

import os
import shutil
import subprocess
import sys

NEEDED = {"chromium": ("chromium", "fonts-noto-cjk")}  # command → Debian packages


def main() -> int:
    """Install what is missing; return the exit code."""
    missing = [package for command, packages in NEEDED.items() if not shutil.which(command) for package in packages]
    if not missing:
        return 0
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment, timeout=600)
        done = subprocess.run(["apt-get", "install", "-y", "-qq", *missing], check=False, env=environment, timeout=900)
        if done.returncode == 0:
            return 0
    print(
        f"missing for the browser tests: {' '.join(missing)} (Debian packages); install them, then run make test again"
    )
    return 1 if os.environ.get("ONEVISIT_CI") == "1" else 0


if __name__ == "__main__":
    sys.exit(main())
