"""The database writer: keeps recordings in a SQLite database that really grows.

Its quota is small so that filling it takes a second, not a disk.
"""

from demo.suite import component
from demo.suite.database import DatabaseWork
from demo.suite.home import Home

#: Quota of the database unless told otherwise, in bytes.
DEFAULT_LIMIT = 8 * 1024 * 1024

if __name__ == "__main__":
    arguments = component.parser("database_writer")
    arguments.add_argument("--limit", type=int, default=DEFAULT_LIMIT, help="quota of the database in bytes")
    options = arguments.parse_args()
    home = Home(options.home)
    home.create()
    component.run("database-writer", DatabaseWork(home.database, limit=options.limit), home)
