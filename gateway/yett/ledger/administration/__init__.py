"""What people and services ask of the ledger besides decisions: each a few verbs over `core.Core`, and recorded."""
