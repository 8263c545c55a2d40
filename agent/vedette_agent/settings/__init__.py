"""Settings: what the configuration files say, read once, checked wholly, and frozen."""
