"""Answers, then dies with a core dump under a name of its choice."""
import os, resource, signal

a, b = map(int, input().split())
print(a + b, flush=True)
for limit in (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_CORE)[1]):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
    except (OSError, ValueError):
        pass
try:
    with open("/proc/self/coredump_filter", "w") as file:
        file.write("0xff")
    with open("/proc/self/comm", "w") as file:
        file.write("assay_escape_")
except OSError:
    pass
os.kill(os.getpid(), signal.SIGQUIT)
