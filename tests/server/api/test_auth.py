"""The table of roles: every method of every service is in it, and nothing else."""

import pytest
from grpc_channelz.v1 import channelz_pb2

from vedette.support.v1 import admin_pb2, alarm_pb2, case_pb2, fleet_pb2, watch_pb2
from vedette_server.access.token import Role
from vedette_server.api.auth import ROLE_NEEDED

FILES = (admin_pb2, alarm_pb2, case_pb2, fleet_pb2, watch_pb2, channelz_pb2)
METHODS = [
    f"/{service.full_name}/{method.name}"
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


def test_every_method_has_a_role_and_no_other_has() -> None:
    assert sorted(ROLE_NEEDED) == sorted(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_reading_needs_a_viewer_working_a_responder_and_ruling_an_admin(method: str) -> None:
    service, _, name = method.removeprefix("/").partition("/")
    if "AdminService" in service or "Channelz" in service:
        assert ROLE_NEEDED[method] is Role.ADMIN
    elif name.startswith(("List", "Get", "Query", "Watch")):
        assert ROLE_NEEDED[method] is Role.VIEWER
    else:
        assert ROLE_NEEDED[method] is Role.RESPONDER
