#!/usr/bin/python3

# Copyright (C) the ngx_tradesec authors

"""A WebSocket backend as applications have it: the websockets library with
its defaults, compression included. Prints its port, then how each connection
ended."""

import asyncio
import json
import sys

import websockets


async def serve(socket, path):
    try:
        async for message in socket:
            if message == "close":
                await socket.close(4001, "server says")
            elif message == "fragments":
                await socket.send(["one ", "two ", "three"])
            elif message == "burst":
                for i in range(500):
                    await socket.send("%d:%s" % (i, "x" * (i * 7 % 400)))
            elif message == "abort":
                socket.transport.abort()
            else:
                await socket.send(message)
    except websockets.ConnectionClosed:
        pass

    print(json.dumps([socket.close_code, socket.close_reason,
                      [e.name for e in socket.extensions]]), flush=True)


async def main():
    async with websockets.serve(serve, "127.0.0.1", 0, max_size=None,
                                subprotocols=["v2"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None,
                                                         sys.stdin.read)


asyncio.run(main())
