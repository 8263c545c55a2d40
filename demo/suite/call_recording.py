"""Call recording: one channel for each recorded call.

With no channel free, calls go unrecorded.
"""

from demo.suite import component
from demo.suite.home import Home
from demo.suite.work import Capacity

if __name__ == "__main__":
    options = component.parser("call_recording").parse_args()
    component.run(
        "call-recording",
        Capacity(name="channels", limit=30, usual=12, swing=4),
        Home(options.home),
    )
