"""What the console knows and how it reads: resources, boards, rows, plots. Pure: no I/O, no clock."""
