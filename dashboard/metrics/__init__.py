"""What monitoring programs read of us: `/metrics` for Prometheus, `/healthz`, `/readyz`."""
