"""Versions of things in HTTP: an ETag with what is read, If-Match with what is changed."""

from fastapi import Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response

from runtime.errors import Stale
from runtime.web.caller import Caller


def etag(version: object) -> str:
    """Write a version as a strong ETag."""
    return f'"{version}"'


def versioned(request: Request, content: object, version: object) -> Response:
    """Answer JSON with its ETag, or 304 where the asker has it already."""
    tag = etag(version)
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return JSONResponse(jsonable_encoder(content), headers={"ETag": tag})


def check_version(caller: Caller, version: object) -> None:
    """
    Refuse a change that was made on an older version; without If-Match nothing is compared.

    Raises:
        Stale: the stored version is another.
    """
    if caller.if_match not in (None, "*", str(version)):
        raise Stale(asked=caller.if_match, stored=str(version))
