"""What a session remembers, in integers: its risk and labels, what it read (taint), what was spent (budgets)."""
