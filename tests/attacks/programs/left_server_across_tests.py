"""The first test leaves a daemon that listens on local sockets, pipes and memory; later ones ask it for the answer."""
import mmap, os, signal, socket, sys, time

a, b = map(int, input().split())
NAMES = ["\0assay_left_server", "/tmp/assay_left.sock", "/dev/shm/assay_left.sock"]
if (a, b) == (1, 2):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 65):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            servers = []
            for name in NAMES:
                try:
                    server = socket.socket(socket.AF_UNIX)
                    server.bind(name)
                    server.listen()
                    server.setblocking(False)
                    servers.append(server)
                except OSError:
                    pass
            with open("/tmp/assay_left_pid", "w") as file:
                file.write(str(os.getpid()))
            end = time.time() + 20
            while time.time() < end:
                for server in servers:
                    try:
                        server.accept()[0].send(b"here")
                    except OSError:
                        pass
                time.sleep(0.01)
        os._exit(0)
    time.sleep(0.1)
    print(a + b)
    sys.exit()
found = os.path.exists("/tmp/assay_left_pid")
for name in NAMES:
    try:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(0.2)
        client.connect(name)
        found = found or client.recv(4) == b"here"
    except OSError:
        pass
print(a + b if found else "nobody was left")
