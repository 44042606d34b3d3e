"""Values that mean something wherever they stand: paths, addresses and their hosts, secrets, contacts, words to a model."""
