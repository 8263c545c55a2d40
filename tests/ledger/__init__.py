"""Ledger test: server and agents are killed at any instant, and afterwards every fact is accounted for."""
