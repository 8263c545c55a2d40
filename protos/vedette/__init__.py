"""Vedette's protocol: the wire types that agent, server and console share.

The modules `*_pb2` and `*_pb2_grpc` below this package are written by protoc from the `.proto` files beside
them (`just proto`). Nothing here knows a rule, a plan or a store.
"""
