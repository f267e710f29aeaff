"""
One function per request of a person or the clock, by subject: keys, opening, ceremony, completing, ending.

Where a request needs slow work or a secret, it has a ``prepare_…`` beside it that reads what the work needs.
"""
