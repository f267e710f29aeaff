"""nginx by the files of deploy/, on loopback and free ports."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from onevisit.demo import stand

START_SECONDS = 60.0


def make_certificate(certificate: Path, key: Path) -> ssl.SSLContext:
    """Make a certificate for localhost; return what trusts it."""
    assert shutil.which("openssl")
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(["openssl", *words, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return ssl.create_default_context(cafile=str(certificate))


def complaints(settings: Path, text: str) -> str:
    """Say what nginx has against *text*, written as *settings*; empty: it takes them."""
    # As root it would become nobody, who may not write below the tests' folders.
    settings.write_text(("user root;\n" if os.geteuid() == 0 else "") + text, encoding="utf-8")
    errors = settings.with_name("error.log")
    done = subprocess.run(["nginx", "-t", "-c", settings, "-e", errors], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


@contextmanager
def running(command: Sequence[str], settings: Path, text: str, port: int) -> Iterator[None]:
    """Check *text* as nginx's settings, and run *command* on them until the end."""
    assert "proxy_pas" in complaints(settings.with_name("broken.conf"), text.replace("proxy_pass", "proxy_pas"))
    assert complaints(settings, text) == ""
    errors = settings.with_name("error.log")
    process = subprocess.Popen([*command, "-e", str(errors)])
    try:
        end = time.monotonic() + START_SECONDS
        while True:
            assert time.monotonic() < end, errors.read_text("utf-8")
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        stand.stop(process)
