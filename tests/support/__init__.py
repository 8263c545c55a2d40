"""What several test suites share: builders of worlds, servers and agents. No test lives here."""
