"""The sidecar's endpoints beside decisions and outcomes, a file a topic, each with a `router(desk)`."""
