"""``python -m services.drawer.kernel``: build the library where there is a C compiler; without one the plain walk runs."""

import os
import shutil
import subprocess
import sys

from services.drawer.kernel import LIBRARY, SOURCE

FLAGS = ("-std=c11", "-O3", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


def main() -> int:
    """Build it; return the exit code."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        print("没有 C 编译器，抽取使用纯 Python / no C compiler: draws run in plain Python")
        return 0
    fresh = LIBRARY.with_suffix(".new")
    done = subprocess.run([compiler, *FLAGS, "-o", str(fresh), str(SOURCE)], check=False, timeout=120)
    if done.returncode == 0:
        fresh.replace(LIBRARY)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
