"""Accounts, which log in, and what each may do in which company. Workers are something else."""
