"""
Web plumbing every service's pages and API stand on: access guard, CSRF, problem+json, templates, one application.

Owns no inspection word. What services use is named here; ``docs/architecture.md`` (Web) says how.
"""

from runtime.service import MenuEntry
from runtime.web.access import MIB, PUBLIC, SIGNED_IN, Access, AccessLineWithoutRoute, RouteWithoutAccessLine, roles
from runtime.web.application import application
from runtime.web.caller import Caller, TheCaller, TheVisitor, Visitor, the_caller, the_visitor
from runtime.web.etag import check_version, etag, versioned
from runtime.web.messages import Messages
from runtime.web.problems import local_path
from runtime.web.settings import WebSettings
from runtime.web.signin import SignedIn, SignIn
from runtime.web.templates import Web, see_other

__all__ = [
    "MIB",
    "PUBLIC",
    "SIGNED_IN",
    "Access",
    "AccessLineWithoutRoute",
    "Caller",
    "MenuEntry",
    "Messages",
    "RouteWithoutAccessLine",
    "SignIn",
    "SignedIn",
    "TheCaller",
    "TheVisitor",
    "Visitor",
    "Web",
    "WebSettings",
    "application",
    "check_version",
    "etag",
    "local_path",
    "roles",
    "see_other",
    "the_caller",
    "the_visitor",
    "versioned",
]
