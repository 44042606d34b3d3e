"""The log and its verifier. Knows nothing of the gateway.

    with Writer.open(directory, origin="host.example/yett/gw1", key=seed) as log:
        entry = log.append("decision", {"effect": "deny"})   # ordered and chained, a few µs
        log.wait(entry)                                      # sealed and on disk
    for record in records(directory): ...                    # verified on the way

The format is `docs/audit-format.md`; the command line is `yett-verify` (`yett_audit.cli`).
"""
