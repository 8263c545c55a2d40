"""When support is open: compiled intervals for the core, and the compiler that makes them from policy."""
