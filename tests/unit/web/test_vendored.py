"""What we serve of other people is what they published, and what an old browser can read."""

import base64
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from runtime.web.vendoring import ASSETS, ICONS, RECORD, VENDOR, add_to_bill, complaints

TEMPLATES = Path(__file__).parents[3] / "services"
BEYOND_CHROMIUM_90 = re.compile(r"color-mix\(|:has\(|@layer|oklch\(|@container|:is\(&|^\s*&", re.MULTILINE)


def test_vendored_files_are_those_that_were_recorded() -> None:
    assert list(complaints()) == []


def test_a_changed_a_lost_and_a_smuggled_file_are_all_noticed(tmp_path: Path) -> None:
    vendor = shutil.copytree(VENDOR, tmp_path / "vendor")
    (vendor / "htmx.min.js").write_bytes(b"alert(1)")
    (vendor / "htmx.LICENSE").unlink()
    (vendor / "other.js").write_bytes(b"")

    assert sorted(complaints(RECORD, vendor)) == [
        "htmx.LICENSE is recorded but missing",
        "htmx.min.js was changed",
        "other.js is not recorded",
    ]


def test_every_package_names_version_licence_and_integrity() -> None:
    for name, package in tomllib.loads(RECORD.read_text("utf-8")).items():
        assert package["version"][0].isdigit()
        assert package["licence"] in ("MIT", "0BSD")
        assert package["integrity"].startswith("sha512-")
        assert any(file.endswith(".LICENSE") for file in package["sha512"]), name


def test_a_bill_of_materials_gets_every_package_and_file_with_licence_and_digest(tmp_path: Path) -> None:
    bill = tmp_path / "sbom.cdx.json"
    python = {"type": "library", "bom-ref": "python", "name": "python"}
    bill.write_text(
        json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [python]}), encoding="utf-8"
    )

    add_to_bill(bill)

    told = json.loads(bill.read_text("utf-8"))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.read_text("utf-8")) is None
    recorded = tomllib.loads(RECORD.read_text("utf-8"))
    assert [part["name"] for part in told["components"]] == ["python", *sorted(recorded)]
    for part in told["components"][1:]:
        record = recorded[part["name"]]
        assert part["purl"] == f"pkg:npm/{part['name']}@{record['version']}"
        (taken,) = part["hashes"]
        assert base64.b64encode(bytes.fromhex(taken["content"])).decode() == record["integrity"].partition("-")[2]
        files = {file["name"]: file["hashes"][0]["content"] for file in part["components"]}
        assert files == {f"runtime/web/assets/vendor/{name}": digest for name, digest in record["sha512"].items()}


@pytest.mark.parametrize("name", ["onevisit.css", "vendor/bootstrap.min.css"])
def test_style_sheets_stay_within_chromium_90(name: str) -> None:
    assert not BEYOND_CHROMIUM_90.findall((ASSETS / name).read_text("utf-8"))


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in [ASSETS / "onevisit.css", ASSETS / "onevisit.js", ASSETS / "forms.js", *TEMPLATES.rglob("*.html")]:
        addresses = re.findall(r"(?:src|href|url|action)\s*[=(]\s*[\"']?(?:https?:)?//", path.read_text("utf-8"))
        assert not addresses, path


def test_every_icon_a_page_asks_for_is_there() -> None:
    asked = re.compile(r"(?:icon\(|icon_name=)\s*\"([a-z0-9-]+)\"")
    for path in TEMPLATES.rglob("*.html"):
        missing = set(asked.findall(path.read_text("utf-8"))) - set(ICONS)
        assert not missing, f"{path.name}: {missing}; add it to ICONS and run runtime.web.vendoring"
