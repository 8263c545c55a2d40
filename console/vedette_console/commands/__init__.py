"""Commands: everything the terminal console does, one call each, for scripts and for people in a hurry."""
