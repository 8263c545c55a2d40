"""Cases: the work items and their life cycle (`sla.py` is the response clock). Pure."""
