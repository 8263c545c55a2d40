"""Channelz behind the guard: what gRPC knows is told, and what it does not know is not found."""

import pytest
from grpc import aio
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc

from tests.server.api.callers import OWN_CONNECTION, Running, refusal_of


async def test_an_administrator_sees_the_servers_of_the_process(vedette: Running) -> None:
    async with aio.insecure_channel(
        f"unix:{vedette.server.settings.admin_socket}", OWN_CONNECTION
    ) as channel:
        stub = channelz_pb2_grpc.ChannelzStub(channel)
        listed = await stub.GetServers(channelz_pb2.GetServersRequest())
        (server,) = listed.server[-1:]
        request = channelz_pb2.GetServerRequest(server_id=server.ref.server_id)
        got = await stub.GetServer(request)
    assert got.server.ref == server.ref


@pytest.mark.parametrize("number", [10**12, 0, -1, 2**63 - 1, -(2**63)])
async def test_what_grpc_does_not_know_is_not_found(vedette: Running, number: int) -> None:
    async with aio.insecure_channel(
        f"unix:{vedette.server.settings.admin_socket}", OWN_CONNECTION
    ) as channel:
        stub = channelz_pb2_grpc.ChannelzStub(channel)
        for method, request in (
            (stub.GetServer, channelz_pb2.GetServerRequest(server_id=number)),
            (stub.GetServerSockets, channelz_pb2.GetServerSocketsRequest(server_id=number)),
            (stub.GetChannel, channelz_pb2.GetChannelRequest(channel_id=number)),
            (stub.GetSubchannel, channelz_pb2.GetSubchannelRequest(subchannel_id=number)),
            (stub.GetSocket, channelz_pb2.GetSocketRequest(socket_id=number)),
        ):
            with pytest.raises(aio.AioRpcError) as caught:
                await method(request)
            refusal = refusal_of(caught.value)
            assert (refusal.code, refusal.reason) == ("NOT_FOUND", "CHANNELZ_NOT_FOUND"), request
