"""What other systems are told: webhooks, event files, lines of the system's log, the event stream, files of call records."""
