"""The store: tables are the state, the journal is the record, and one transaction a turn writes both.

`sql.py` holds the one writer of a partition, `reader.py` what everybody else reads. SQL stops here.
"""
