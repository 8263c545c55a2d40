"""The engine: world, decide and the turn loop."""
