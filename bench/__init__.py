"""Bench: the speed of the shipped programs, each figure beside a rival or a limit of the same run."""
