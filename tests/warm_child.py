"""Run as a training child: hands its files and its command line to ``tests.warm_children``."""

import array
import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    assert sys.argv[2] == "-m"
    asked = {
        "command": sys.argv[3:],
        "folder": os.getcwd(),
        "environment": dict(os.environ),
    }
    files = array.array("i", [0, 1, 2]).tobytes()
    text = json.dumps(asked).encode()
    sent = server.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    server.sendall(text[sent:])
    server.shutdown(socket.SHUT_WR)
    sys.exit(server.recv(1) != b".")
