import threading, time

threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
a, b = map(int, input().split())
print(a + b)
