import os, pathlib, shutil, tempfile

a, b = map(int, input().split())
with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile("w+") as file, tempfile.TemporaryFile() as other:
    file.write(f"{a + b}")
    file.flush()
    shutil.copy(file.name, folder + "/copy")
    text = pathlib.Path(folder, "copy").read_text()
with open("local.txt", "w") as file:
    file.write(text)
print(open("local.txt").read())
os.remove("local.txt")
