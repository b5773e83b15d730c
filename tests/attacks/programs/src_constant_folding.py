"""Constants that a compiler may compute before the program starts."""
x = (((2 ** 127) ** 127) * 3) ** 9
y = "a" * 2 ** 12 * 2 ** 12 * 2 ** 12
z = ((1,) * 4096, ) * 4096
def never():
    return 9 ** 9 ** 9 ** 9
print("folded")
