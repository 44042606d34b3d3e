"""What the ledger says of one proposal: session stage, plan, mandate, approval; what is shown and written of it."""
