"""Outbox: the durable, bounded first-in first-out store of facts that the server has not acknowledged yet."""
