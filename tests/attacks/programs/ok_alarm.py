import signal, time


class Late(Exception):
    pass


def handler(number, frame):
    raise Late


a, b = map(int, input().split())
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    while True:
        pass
except Late:
    print(a + b)
signal.signal(signal.SIGINT, signal.SIG_DFL)
