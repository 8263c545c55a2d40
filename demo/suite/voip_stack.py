"""The VoIP stack: calls in progress.

Carries every call; when it is down, nobody can be reached.
"""

from demo.suite import component
from demo.suite.home import Home
from demo.suite.work import Capacity

if __name__ == "__main__":
    options = component.parser("voip_stack").parse_args()
    component.run(
        "voip-stack",
        Capacity(name="calls", limit=500, usual=120, swing=40),
        Home(options.home),
    )
