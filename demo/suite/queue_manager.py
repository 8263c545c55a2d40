"""The queue manager (QME): users against the licence.

It lets more users in than are licensed; the licence is what suffers.
"""

from demo.suite import component
from demo.suite.home import Home
from demo.suite.work import Capacity

if __name__ == "__main__":
    options = component.parser("queue_manager").parse_args()
    component.run(
        "queue-manager",
        Capacity(name="licensed_users", limit=50, usual=38, swing=4),
        Home(options.home),
    )
