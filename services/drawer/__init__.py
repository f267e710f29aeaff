"""
THE DRAW: commitments, seed, targets, teams, record (JIDRAW/1; ``domain`` is the protocol, this package carries it out).

Owns: the agencies' signing keys, the ceremony of every attempt, the outcome and the record of every draw.
Listens to: accounts (agencies), campaigns (plan, frame, rosters, cancellation).
Says: topic ``draws``.

How one act of the ceremony runs (``acts``): read (``service.ask``), work outside the transaction (hash the frame, open
sealed secrets, sign), write (``service.do``, where ``domain.ceremony`` judges the act against what is stored by then).
"""
