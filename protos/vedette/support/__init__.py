"""The API of the support desk: console, commands and integrations."""
