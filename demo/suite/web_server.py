"""The web server: sessions of the people who use the product in a browser."""

from demo.suite import component
from demo.suite.home import Home
from demo.suite.work import Capacity

if __name__ == "__main__":
    options = component.parser("web_server").parse_args()
    component.run(
        "web-server",
        Capacity(name="sessions", limit=200, usual=45, swing=15),
        Home(options.home),
    )
