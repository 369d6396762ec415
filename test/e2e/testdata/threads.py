"""A synchronous server, as the predecessor's was: a pool of worker threads, and each viewer of a console holds one.

Usage: threads.py SOCKET UPSTREAM THREADS. Every connection is accepted and waits for a thread; the thread passes the
request on to the unix socket UPSTREAM and copies what comes back until the viewer leaves. It prints "ready" when it listens.
"""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor


def serve(viewer, upstream):
    with viewer, socket.socket(socket.AF_UNIX) as source:
        request = b""
        while b"\r\n\r\n" not in request:
            part = viewer.recv(4096)
            if not part:
                return
            request += part
        source.connect(upstream)
        source.sendall(request)
        while part := source.recv(64 << 10):
            viewer.sendall(part)


def main(path, upstream, threads):
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(threads) as pool:
        listener.bind(path)
        listener.listen(4096)
        print("ready", flush=True)
        while True:
            pool.submit(serve, listener.accept()[0], upstream)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
