"""Starts threads until it cannot, each of which starts more."""
import threading, time

count = 0


def more():
    global count
    while True:
        count += 1
        try:
            threading.Thread(target=more, daemon=True).start()
        except RuntimeError:
            time.sleep(0.5)


threading.stack_size(64 * 1024)
more()
