"""Screens: each shows a part of the desk and says what a person wants done as an intent."""
