"""
A service's own storage: rows with an owner, a wall between agencies, and one transaction for state, inbox and outbox.

Used by every service through the names below; ``database`` and ``plumbing`` are runtime's own business.
"""

from runtime.store.actor import Actor
from runtime.store.ids import derived_id, next_id, next_number
from runtime.store.plumbing import Moment
from runtime.store.rows import ANNOTATIONS, Open, Owned, share, unshare

__all__ = [
    "ANNOTATIONS",
    "Actor",
    "Moment",
    "Open",
    "Owned",
    "derived_id",
    "next_id",
    "next_number",
    "share",
    "unshare",
]
