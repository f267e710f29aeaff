"""
Console: who may (agencies, accounts, sign-in), and the shell around everybody's pages (menu, home, public frame).

Owns: agencies, accounts, sessions, API clients. Listens to: nothing. Says (topic ``accounts``): agency.registered, account.opened,
account.changed, account.closed.
"""
