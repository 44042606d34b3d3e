"""The ledger asked from other processes on the host: the wire, its end at the ledger, its end at a worker."""
