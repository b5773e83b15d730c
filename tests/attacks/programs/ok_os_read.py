import os

data = b""
while chunk := os.read(0, 7):
    data += chunk
os.write(1, str(sum(map(int, data.split()))).encode())
