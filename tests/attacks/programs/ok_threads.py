import queue
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Thread

a, b = map(int, input().split())
with ThreadPoolExecutor(4) as pool:
    parts = list(pool.map(int, [a, b]))
out = queue.Queue()
worker = Thread(target=lambda: out.put(sum(parts)))
worker.start()
print(out.get(timeout=5))
