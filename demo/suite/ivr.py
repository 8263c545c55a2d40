"""The voice menus (IVR): users against the licence.

It lets more users in than are licensed; the licence is what suffers.
"""

from demo.suite import component
from demo.suite.home import Home
from demo.suite.work import Capacity

if __name__ == "__main__":
    options = component.parser("ivr").parse_args()
    component.run(
        "ivr",
        Capacity(name="licensed_users", limit=20, usual=11, swing=3),
        Home(options.home),
    )
