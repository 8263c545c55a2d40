"""Vedette's agent: watches one node of a product installation and streams its health to the vendor."""
