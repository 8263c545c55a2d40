"""Vedette's console: the on-call engineer's live queue in the terminal, and every action as a command."""
