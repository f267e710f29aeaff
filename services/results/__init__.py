"""
WHAT WAS FOUND: visits, checklists, findings, publication, referrals.

Owns: visits and their sections, answers, evidence, signatures, findings, public results, referrals.
Listens to: accounts, registers (packs, calendars, checklists), campaigns, draws.
Says: topics ``results`` and ``referrals``.
"""
