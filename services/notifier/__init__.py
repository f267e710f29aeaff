"""
notifier (通知): WHO MUST KNOW. Turns facts into notices by a rule table, and due dates into duties with lights.

Owns: notices and their read receipts, announcements (who a fact was meant for), duties with reminders and escalation,
feeds of agencies' events for their own systems, webhooks and their deliveries.
Listens to: accounts, registers (packs, calendars), campaigns, draws, results, referrals.
Says: notice.delivered, deadline.approaching, deadline.missed, deadline.escalated.
"""
