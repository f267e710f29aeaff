"""The jars of an Apache Kafka broker, fetched once by Maven from what ``pom.xml`` names and kept in ``build/tier``."""

import fcntl
import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from tests.tier.missing import Missing

POM = Path(__file__).parent / "pom.xml"
KEPT = Path(__file__).parent.parent.parent / "build" / "tier"
LEAST_JAVA = 17
FETCH_SECONDS = 600


def kafka_version() -> str:
    """Read the broker's version out of the POM, the only place where it stands."""
    names = {"m": "http://maven.apache.org/POM/4.0.0"}
    for dependency in ElementTree.parse(POM).iterfind(".//m:dependency", names):
        if dependency.findtext("m:artifactId", "", names).startswith("kafka_"):
            return dependency.findtext("m:version", "", names)
    raise ValueError("the POM names no broker")


def java() -> str:
    """
    Find a Java that can run the broker.

    Raises:
        Missing: there is none, or it is too old.
    """
    found = shutil.which("java")
    if found is None:
        raise Missing("Kafka needs a Docker engine, or Java ≥ 17 (Debian: default-jdk-headless)")
    says = subprocess.run([found, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    version = re.search(r'version "(\d+)', says)
    if version is None or int(version[1]) < LEAST_JAVA:
        raise Missing(f"Kafka needs Java ≥ {LEAST_JAVA}; found {says.splitlines()[0] if says else found}")
    return found


def kafka_jars() -> Path:
    """
    Return the folder with the broker's jars; fetches them the first time (44 MB).

    Raises:
        Missing: Maven is not there, or could not fetch them.
    """
    folder = KEPT / f"kafka-{kafka_version()}-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(KEPT / "jars.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        maven = shutil.which("mvn")
        if maven is None:
            raise Missing("Kafka's jars need a Docker engine, or Maven to fetch them (Debian: maven)")
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={fresh}"], capture_output=True, text=True, check=False, timeout=FETCH_SECONDS
        )
        if done.returncode or not any(fresh.glob("kafka_*.jar")):
            raise Missing(f"Maven could not fetch Kafka's jars: {(done.stdout + done.stderr)[-500:]}")
        fresh.rename(folder)
    return folder
