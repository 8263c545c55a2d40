"""`python -m vedette_agent` is the command `vedette-agent`."""

from vedette_agent.cli import main

if __name__ == "__main__":
    main(prog_name="vedette-agent")
