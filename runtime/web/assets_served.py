"""Style sheets, scripts and icons: read once at start, served from memory under an address that holds their hash."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from starlette.responses import Response

from runtime.web.refusals import NoSuchPage

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".py": "text/x-python; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
HASH_CHARS = 12


@dataclass(frozen=True)
class Asset:
    """One file, ready to be sent."""

    content: bytes
    packed: bytes
    kind: str
    hash: str


class NoSuchAsset(Exception):
    """A template asks for a file that is not there."""


class Assets:
    """All files of some folders, ``{prefix: folder}``; a prefix is empty or a service's name."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._files: dict[str, Asset] = {}
        for prefix, folder in folders.items():
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.suffix in KINDS:
                    name = path.relative_to(folder).as_posix()
                    self._files[f"{prefix}/{name}" if prefix else name] = _read(path)

    def address(self, name: str) -> str:
        """Return the address of a file; it changes when the file does."""
        if name not in self._files:
            raise NoSuchAsset(name)
        return f"/assets/{name}?v={self._files[name].hash}"

    def answer(self, request: Request) -> Response:
        """Send a file, packed where the browser takes it; for a year where the address holds its hash."""
        asset = self._files.get(request.path_params["name"])
        if asset is None:
            raise NoSuchPage()
        current = request.query_params.get("v") == asset.hash
        headers = {
            "ETag": f'"{asset.hash}"',
            "Vary": "Accept-Encoding",
            "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.packed, media_type=asset.kind, headers={**headers, "Content-Encoding": "gzip"})
        return Response(asset.content, media_type=asset.kind, headers=headers)


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:HASH_CHARS]
    return Asset(content, gzip.compress(content, mtime=0), KINDS[path.suffix], digest)
