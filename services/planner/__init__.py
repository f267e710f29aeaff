"""
Planner: WHAT will be inspected, and by whom.

Owns: rule packs and calendars; item lists, registers of targets and inspectors, recusals, checklists (一单两库、检查要点表)
with their history; campaigns from draft to close, and the frozen sampling frame.
Listens to: ``accounts`` (agencies, who may approve), ``draws``, ``results`` and ``notices`` (how far a campaign is).
Says: ``registers`` (register, checklist, rulepack, calendar published) and ``campaigns`` (proposed, partner confirmed or
declined, confirmed, frame frozen, closed, cancelled).
"""
