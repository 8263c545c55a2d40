"""The files that the demo's programs are configured with: what an administrator would write by hand.

Everything is what ships, but for the places (one temporary folder, free ports on loopback) and the pace: a
heartbeat each second, so that a lost agent is an alarm after five seconds instead of two minutes.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

from demo.suite.home import Home
from demo.suite.supervisor import COMPONENTS

#: Customers, contracts and calendars of the demo.
POLICY = Path(__file__).with_name("policy.yaml")
#: The agent whose suite really runs here, "customer/installation/node".
AGENT = "nordwind/frontdesk/node-1"
#: The agents of other customers, which are simulated, and the release of the product that each watches.
FLEET = {
    "atlas-clinic/campus/node-1": "2020.Winter.2",
    "delta-freight/dispatch/node-1": "2020.Spring.1",
    "delta-freight/dispatch/node-2": "2020.Spring.1",
    "harbor-bank/contact-center/node-1": "2020.Summer.1",
    "jasmine-telecom/hotline/node-1": "2020.Autumn.1",
    "oak-county/town-hall/node-1": "2020.Winter.1",
}
#: Capacities that the catalog judges: component, and the resource as the catalog names it.
CAPACITIES = {
    "voip-stack": ("calls", "call"),
    "call-recording": ("channels", "channel"),
    "queue-manager": ("licensed_users", "licensed_user"),
    "ivr": ("licensed_users", "licensed_user"),
}

_SERVER = Template("""\
data_dir: data
listen: 127.0.0.1:0
http: 127.0.0.1:0
policy: $policy
heartbeat_interval: 1s
overdue_after: 2s
lost_after: 5s
""")

_AGENT = Template("""\
server = "127.0.0.1:$port"
token_file = "token"
state_dir = "state"
product_version = "2020.Winter.1"
heartbeat_interval = "1s"

[reconnect]
initial = "500ms"
max = "2s"
""")

_COLLECTOR = Template("""
[collectors.$name]
interval = "$interval"
""")

_COMPONENT = Template("""
[[component]]
name = "$name"
command = '''demo\\.suite\\.$module --home $home'''
""")

_CAPACITY = Template("""
[[prometheus]]
url = "http://127.0.0.1:$port/metrics"
component = "$component"

[[prometheus.capacity]]
resource = "$resource"
used = "${metric}_used"
limit = "${metric}_limit"
""")

_DATABASE = Template("""
[[database]]
name = "recordings"
path = "$path"
limit = "$limit"
""")

_LOG = Template("""
[[log]]
path = "$path"

[[log.pattern]]
match = '''^\\S+ INFO (?P<component>\\S+) component\\.stop_planned (?P<message>.*)$$'''
code = "component.stop_planned"
severity = "info"
""")

#: What decides the demo's alarms is looked at each second, the rest a little less often.
_INTERVALS = {
    "process": "1s",
    "database": "1s",
    "prometheus": "1s",
    "log": "500ms",
    "cpu": "2s",
    "memory": "2s",
    "load": "5s",
    "filesystem": "5s",
    "disk": "5s",
    "network": "5s",
}


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything of one demo lies."""

    root: Path

    @property
    def server(self) -> Path:
        """Folder of the server: its configuration and, below, its data."""
        return self.root / "server"

    @property
    def agent(self) -> Path:
        """Folder of the real agent: its configuration, token and state."""
        return self.root / "agent"

    @property
    def fleet(self) -> Path:
        """Folder of the simulated agents: a folder each, with token and outbox."""
        return self.root / "fleet"

    def token(self, agent: str) -> Path:
        """File with the credential of an agent."""
        if agent == AGENT:
            return self.agent / "token"
        return token_file(self.fleet, agent)

    @property
    def suite(self) -> Home:
        """Home of the product suite."""
        return Home(self.root / "suite")


def token_file(fleet: Path, agent: str) -> Path:
    """Return where a simulated agent finds its credential; its outbox lies beside it."""
    return fleet / agent.replace("/", ".") / "token"


def write_server(folder: Folder) -> Path:
    """Write the server's settings; return the file."""
    folder.server.mkdir()
    file = folder.server / "server.yaml"
    file.write_text(_SERVER.substitute(policy=json.dumps(str(POLICY))))
    return file


def write_agent(folder: Folder, *, port: int, database_limit: int) -> Path:
    """Write the agent's configuration for a suite that is up; return the file.

    Args:
        port: where the agent finds the server, on loopback.
        database_limit: quota of the suite's database in bytes.
    """
    home = folder.suite
    parts = [_AGENT.substitute(port=port), _LOG.substitute(path=home.log)]
    parts += [_COLLECTOR.substitute(name=name, interval=interval) for name, interval in _INTERVALS.items()]
    root = re.escape(str(home.root))
    parts += [
        _COMPONENT.substitute(name=name, module=module, home=root) for name, module in COMPONENTS.items()
    ]
    parts += [_capacity(home, component) for component in CAPACITIES]
    parts.append(_DATABASE.substitute(path=home.database, limit=database_limit))
    file = folder.agent / "agent.toml"
    file.write_text("".join(parts))
    return file


def _capacity(home: Home, component: str) -> str:
    metric, resource = CAPACITIES[component]
    return _CAPACITY.substitute(
        port=home.port(component),
        component=component,
        resource=resource,
        metric=f"{component.replace('-', '_')}_{metric}",
    )
