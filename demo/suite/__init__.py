"""The demo's product suite: one operating system process per component, under a supervisor.

It stands for the product that a customer runs. Its processes do little, but what they show is real: they
listen, log, count, fill a database, crash when killed and come back. They know nothing of Vedette and import
nothing but the standard library.

    python -m demo.suite.supervisor --home DIR [--restart-delay SECONDS] [--database-limit BYTES]
"""
