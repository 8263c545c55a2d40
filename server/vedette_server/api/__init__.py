"""API: what the console, the commands and integrations call; one file a service.

Services read the store and hand commands to the turn loop; they never touch the world. A service method
takes the request and the `Caller`, returns the response or raises; `guard.py` turns that into gRPC. Protobuf
stops in here.
"""
