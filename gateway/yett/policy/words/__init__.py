"""What words ask for: verbs of tool names and prompts as capabilities. Data and look-ups; no rule is decided here."""
