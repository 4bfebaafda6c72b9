"""Identity, certificates and broker settings of terminals and platforms."""
