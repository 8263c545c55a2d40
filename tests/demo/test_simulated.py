"""The simulated machines measure what a real one could, and only those with a trouble are in trouble."""

import pytest

from demo.configuration import AGENT, FLEET
from demo.simulated import CAPACITIES, PERIOD, TROUBLES, Node
from vedette_agent.facts import Series

DAY = [PERIOD * step / 40 for step in range(400)]


def measured(node: Node, now: float) -> dict[Series, float]:
    samples = list(node.samples(now))
    assert len({series for series, _ in samples}) == len(samples)
    return dict(samples)


@pytest.mark.parametrize("agent", list(FLEET))
def test_a_node_stays_below_every_threshold_but_for_its_own_trouble(agent: str) -> None:
    node = Node(agent=agent, trouble=TROUBLES.get(agent))
    for now in DAY:
        values = measured(node, now)
        full = [
            capacity.usage
            for capacity in CAPACITIES
            if values[capacity.usage] >= 0.79 * values[capacity.limit]
        ]
        assert full == ([node.trouble.usage] if node.trouble else []), now
        assert all(value >= 0 for value in values.values())


def test_a_licence_is_overrun_only_above_its_limit() -> None:
    trouble = TROUBLES["jasmine-telecom/hotline/node-1"]
    limit = next(capacity.total for capacity in CAPACITIES if capacity.usage == trouble.usage)
    assert trouble.used > limit


def test_every_trouble_belongs_to_a_simulated_agent_and_is_measured() -> None:
    assert set(TROUBLES) <= set(FLEET)
    assert AGENT not in FLEET
    usages = {capacity.usage for capacity in CAPACITIES}
    assert all(trouble.usage in usages for trouble in TROUBLES.values())


def test_two_nodes_are_out_of_step() -> None:
    one, other = (Node(agent=agent) for agent in list(FLEET)[:2])
    assert measured(one, 0.0) != measured(other, 0.0)
