"""
What the notifier does on hearing facts.

Two kinds, in this order for every event: `projections` write down what others said (and may be replayed), `notices`
judge the fact by the rule table and write announcements, notices and duties (never replayed, so nobody is told twice).
"""

from services.notifier.handlers.notices import NOTICES
from services.notifier.handlers.projections import PROJECTIONS

HANDLERS = (*PROJECTIONS, *NOTICES)
