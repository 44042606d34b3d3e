"""Programs whose command line says more than a table can, by the language or the job that they have."""
