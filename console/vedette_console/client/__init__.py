"""The way to the server: one Protocol, its gRPC implementation, and the feed that keeps a desk current."""
