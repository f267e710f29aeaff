#!/usr/bin/env python3
"""
Make verify.html, one file that can be saved and opened without a server, from the parts in source/.

    python3 verifier/build.py           writes verifier/verify.html
    python3 verifier/build.py --check   says whether verify.html is what source/ makes (exit 1 if not)

Every part becomes a function of its own, so that names do not meet; the page's policy names its two scripts and its
style by their SHA-256, so that nothing else can run or be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE / "source"
PAGE = HERE / "verify.html"

IMPORT = re.compile(r"^import \{ (?P<names>[^}]*) \} from '\./(?P<part>\w+)\.js';\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?P<rest>(?:async function|function|class|const) (?P<name>\w+))", re.MULTILINE)


def read(name: str) -> str:
    """Read one file of source/."""
    return (SOURCE / name).read_text(encoding="utf-8")


def parts_needed_by(part: str, listed: list[str]) -> list[str]:
    """List *part* and the parts it is built on, each after those it needs."""
    for needed in IMPORT.finditer(read(f"{part}.js")):
        if needed["part"] not in listed:
            parts_needed_by(needed["part"], listed)
    if part not in listed:
        listed.append(part)
    return listed


def body(part: str, imported: str) -> str:
    """Turn one module into the body of a function; *imported* says where other parts are found."""
    text = IMPORT.sub(lambda one: f"const {{ {one['names']} }} = {imported}.{one['part']};\n", read(f"{part}.js"))
    text = EXPORT.sub(lambda one: one["rest"], text)
    if re.search(r"^(import|export)\b|</script", text, re.MULTILINE):
        raise SystemExit(f"{part}.js: only `import {{ … }} from './part.js';` and exported declarations are understood")
    return text


def core() -> str:
    """Give the script that verifies; it makes one name, JidrawVerifier."""
    made = ["\n'use strict';\nconst JidrawVerifier = (() => {\nconst parts = Object.create(null);\n"]
    for part in parts_needed_by("serve", []):
        names = ", ".join(export["name"] for export in EXPORT.finditer(read(f"{part}.js")))
        made.append(f"\nparts.{part} = (() => {{\n{body(part, 'parts')}return {{ {names} }};\n}})();\n")
    made.append("\nreturn { verify: parts.verify.verify, serve: parts.serve.serve, parts };\n})();\n")
    return "".join(made)


def digest(text: str) -> str:
    """Name a script or a style as a Content-Security-Policy does."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page() -> str:
    """Put the page together."""
    scripts = {
        "@STYLE@": f"\n{read('page.css')}",
        "@CORE@": core(),
        "@PAGE@": f"\n'use strict';\n(() => {{\n{body('page', 'JidrawVerifier.parts')}}})();\n",
    }
    policy = (
        f"default-src 'none'; script-src {digest(scripts['@CORE@'])} {digest(scripts['@PAGE@'])}; "
        f"style-src {digest(scripts['@STYLE@'])}; worker-src blob:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    text = read("page.html").replace("@CSP@", policy)
    for place, content in scripts.items():
        text = text.replace(place, content)
    return text


def main() -> int:
    """Write the page, or compare it."""
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
