"""The doors for programs over HTTP: who may call, how often, and the way to the ingest that answers."""
