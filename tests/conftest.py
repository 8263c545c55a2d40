"""What every test shares: a still terminal, and Hypothesis without a stopwatch. Fixtures live elsewhere."""

import os

import hypothesis

# Textual reads this at import: an animation would make a snapshot depend on the moment it was taken.
os.environ["TEXTUAL_ANIMATIONS"] = "none"

# A deadline per example measures how busy the machine is, not the code; pytest-timeout bounds the whole test.
# The blob lets anybody replay a failure that only one machine found.
hypothesis.settings.register_profile("vedette", deadline=None, print_blob=True)
hypothesis.settings.load_profile("vedette")
