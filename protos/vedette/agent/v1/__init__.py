"""Version 1: fields and methods are added, never changed or removed."""
