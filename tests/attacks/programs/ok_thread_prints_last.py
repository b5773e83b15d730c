"""The main thread ends first; the interpreter waits for the other."""
import threading, time


def later():
    time.sleep(0.1)
    print(sum(map(int, input().split())))


threading.Thread(target=later).start()
