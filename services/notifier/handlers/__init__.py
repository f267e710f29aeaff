"""
What the notifier does on hearing facts.

Three kinds, in this order for every event: `projections` write down what others said (and may be replayed), `feed` writes
the fact onto the feeds of the agencies it concerns (a replay adds what is missing) and queues it for their webhooks, `notices`
judge the fact by the rule table and write announcements, notices and duties (never replayed, so nobody is told twice).
"""

from services.notifier.handlers.feed import FEEDS
from services.notifier.handlers.notices import NOTICES
from services.notifier.handlers.projections import PROJECTIONS

HANDLERS = (*PROJECTIONS, *FEEDS, *NOTICES)
