"""Bench: the speed of the shipped programs, each figure beside a rival or a limit measured in the same run."""
