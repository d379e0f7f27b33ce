"""`./dialtap dlg`: the ingest's door from a command line. Knows the door's answers and terminals; knows no Django, no database, no engine.

Cron jobs start it every minute: nothing is imported that a command does not need.
"""
