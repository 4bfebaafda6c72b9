"""Telling the servers of integrators what happens in their company, signed and never lost."""
