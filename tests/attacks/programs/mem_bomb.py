"""Takes all the memory it can get, in small and large pieces."""
held = []
size = 1 << 28
while size > 64:
    try:
        held.append(bytearray(b"\1") * size)
    except MemoryError:
        size >>= 1
print(len(held))
while True:
    held.append([held] * 1000)
