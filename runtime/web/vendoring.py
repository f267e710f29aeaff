"""
Vendored assets: check that what we serve is what we took from npm, and renew it.

Run by hand when a package is renewed: unpack the npm packages side by side into one folder as
``<name>-<version>/package`` and call ``python -m runtime.web.vendoring FOLDER``. Nothing is fetched here.

``python -m runtime.web.vendoring --bill FILE`` adds them to a bill of materials (CycloneDX, JSON): Python's own tools know
what pip installs and nothing of what a browser is sent.
"""

import base64
import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent / "assets"
RECORD = ASSETS / "VENDORED.toml"
VENDOR = ASSETS / "vendor"
REPOSITORY = Path(__file__).parents[2]

_ICON_NAMES = (
    "archive arrow-left arrow-repeat arrow-right bell box-arrow-in-right box-arrow-right briefcase building "
    "calendar3 camera check-circle-fill check-lg chevron-down chevron-right circle circle-fill clipboard-check "
    "clock dash-circle dice-5 diagram-3 door-open download envelope-open exclamation-octagon-fill "
    "exclamation-triangle-fill eye file-earmark-text flag funnel geo-alt globe2 hourglass-split house inbox info-circle-fill "
    "journal-text key list list-check lock megaphone paperclip patch-check pen pencil people person person-badge "
    "plus-lg printer question-circle reply search send shield-check shuffle slash-circle translate trash upload "
    "x-lg "
)
ICONS = tuple(_ICON_NAMES.split())


@dataclass(frozen=True)
class Package:
    """One npm package, and which of its files we keep under which names (``{ours: theirs}``)."""

    name: str
    version: str
    licence: str
    files: Mapping[str, str]

    @property
    def folder(self) -> str:
        """Name the folder that the unpacked package stands in."""
        return f"{self.name}-{self.version}"


PACKAGES = (
    Package(
        "bootstrap", "5.3.8", "MIT", {"bootstrap.min.css": "dist/css/bootstrap.min.css", "bootstrap.LICENSE": "LICENSE"}
    ),
    Package("htmx.org", "2.0.11", "0BSD", {"htmx.min.js": "dist/htmx.min.js", "htmx.LICENSE": "LICENSE"}),
    Package("bootstrap-icons", "1.13.2", "MIT", {"bootstrap-icons.LICENSE": "LICENSE"}),
)
SPRITE = "icons.svg"


def sprite(icons: Path) -> str:
    """Join the icons we use into one SVG of symbols, in the order of their names."""
    symbols = [_symbol(name, (icons / f"{name}.svg").read_text("utf-8")) for name in sorted(ICONS)]
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>", ""])


def _symbol(name: str, svg: str) -> str:
    box = re.search(r'viewBox="([^"]+)"', svg)
    body = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    if box is None or body is None:
        raise ValueError(f"{name}.svg is not an icon we can read")
    return f'<symbol id="{name}" viewBox="{box[1]}" fill="currentColor">{" ".join(body[1].split())}</symbol>'


def sha512(content: bytes) -> str:
    """Work out the digest that VENDORED.toml records, in hex."""
    return hashlib.sha512(content).hexdigest()


def complaints(record: Path = RECORD, vendor: Path = VENDOR) -> Iterator[str]:
    """Compare what lies under vendor/ with the record; say nothing when they agree."""
    recorded = {
        name: digest
        for package in tomllib.loads(record.read_text("utf-8")).values()
        for name, digest in package["sha512"].items()
    }
    present = {path.name: sha512(path.read_bytes()) for path in sorted(vendor.iterdir())}
    yield from (f"{name} is recorded but missing" for name in sorted(recorded.keys() - present.keys()))
    yield from (f"{name} is not recorded" for name in sorted(present.keys() - recorded.keys()))
    yield from (f"{name} was changed" for name in sorted(present) if recorded.get(name, present[name]) != present[name])


def renew(unpacked: Path) -> None:
    """Copy the files we use out of unpacked npm packages and write the record anew."""
    lines = [line for line in RECORD.read_text("utf-8").splitlines() if line.startswith("#")]
    for package in PACKAGES:
        root = unpacked / package.folder / "package"
        content = {ours: (root / theirs).read_bytes() for ours, theirs in package.files.items()}
        if package.name == "bootstrap-icons":
            content[SPRITE] = sprite(root / "icons").encode("utf-8")
        for name, data in content.items():
            (VENDOR / name).write_bytes(data)
        lines += _section(package, _integrity(unpacked / f"{package.folder}.tgz"), content)
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _integrity(archive: Path) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode("ascii")


def _section(package: Package, integrity: str, content: Mapping[str, bytes]) -> list[str]:
    return [
        "",
        f'["{package.name}"]',
        f'version = "{package.version}"',
        f'licence = "{package.licence}"',
        f'source = "https://www.npmjs.com/package/{package.name}/v/{package.version}"',
        f'integrity = "{integrity}"',
        f'["{package.name}".sha512]',
        *(f'"{name}" = "{sha512(data)}"' for name, data in sorted(content.items())),
    ]


def components(record: Path = RECORD) -> list[dict[str, Any]]:
    """
    Return the packages of the record as CycloneDX components, by name: version, licence, digest of the package and, below it, of
    each file that we serve.

    Source:
        CycloneDX 1.6, `component`.
    """
    found = tomllib.loads(record.read_text("utf-8"))
    return [_component(name, found[name]) for name in sorted(found)]


def _component(name: str, package: Mapping[str, Any]) -> dict[str, Any]:
    at = f"pkg:npm/{name}@{package['version']}"
    taken = base64.b64decode(package["integrity"].removeprefix("sha512-")).hex()
    return {
        "type": "library",
        "bom-ref": at,
        "name": name,
        "version": package["version"],
        "purl": at,
        "licenses": [{"license": {"id": package["licence"]}}],
        "hashes": [{"alg": "SHA-512", "content": taken}],
        "externalReferences": [{"type": "distribution", "url": package["source"]}],
        "components": [
            {
                "type": "file",
                "bom-ref": f"{at}#{file}",
                "name": f"{VENDOR.relative_to(REPOSITORY).as_posix()}/{file}",
                "hashes": [{"alg": "SHA-512", "content": digest}],
            }
            for file, digest in sorted(package["sha512"].items())
        ],
    }


def add_to_bill(bill: Path) -> None:
    """Add the packages of the record to a bill of materials that has none of them."""
    told = json.loads(bill.read_text("utf-8"))
    told["components"] += components()
    told.setdefault("dependencies", []).extend({"ref": one["bom-ref"]} for one in components())
    bill.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "--bill":
        add_to_bill(Path(sys.argv[2]))
    else:
        renew(Path(sys.argv[1]))
