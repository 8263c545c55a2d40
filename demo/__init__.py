"""The demo: a small product suite of real processes, watched by the real programs, with real faults.

    python -m demo               the console on top, with keys that inject faults
    python -m demo --headless    the same story without a terminal, one JSON line per fact
    python -m demo.screenshot    the picture in the README

Nothing here is shipped to anybody; the programs it starts are.
"""
