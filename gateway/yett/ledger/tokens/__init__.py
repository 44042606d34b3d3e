"""What is signed, and with what: keys, compact JWS, mandates, permits, challenges. No state, no clock of its own."""
