"""The state that the log amounts to: its rows, what each record changes in them, recovery, and saved positions."""
