"""Fills every place with data, then with inodes, and stays until it is ended; the next program must have room."""
import os, time

end = time.time() + 1.0
for place in ("/tmp", "/dev/shm", os.getcwd(), "/var/tmp", "/run"):
    block = b"x" * (1 << 20)
    try:
        for number in range(4096):
            with open(os.path.join(place, f"assay_fill_{number}"), "wb") as file:
                for _ in range(15):
                    file.write(block)
            if time.time() > end:
                break
    except OSError:
        pass
end = time.time() + 1.0
for place in ("/tmp", "/dev/shm", os.getcwd()):
    try:
        for number in range(2_000_000):
            os.close(os.open(os.path.join(place, f"i{number}"), os.O_CREAT | os.O_WRONLY))
            if time.time() > end:
                break
    except OSError:
        pass
print("full")
