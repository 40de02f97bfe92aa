"""Sends one file over one plain TCP connection, to measure the time of the kernel alone.

    raw_tcp.py receive ADDRESS FILE     prints the port, then takes one connection
    raw_tcp.py send ADDRESS PORT FILE
"""

import os
import socket
import sys

CHUNK = 1 << 20


def receive(address, path):
    with socket.create_server((address, 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection = server.accept()[0]
    buffer = memoryview(bytearray(CHUNK))
    with connection, open(path, "wb", buffering=0) as file:
        while count := connection.recv_into(buffer):
            written = 0
            while written < count:
                written += file.write(buffer[written:count])


def send(address, port, path):
    with socket.create_connection((address, int(port))) as connection, open(path, "rb") as file:
        offset, size = 0, os.fstat(file.fileno()).st_size
        while offset < size:
            offset += os.sendfile(connection.fileno(), file.fileno(), offset, min(CHUNK, size - offset))


if __name__ == "__main__":
    {"receive": receive, "send": send}[sys.argv[1]](*sys.argv[2:])
