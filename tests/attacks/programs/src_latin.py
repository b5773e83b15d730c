# not UTF-8 ÿþú
print(3)
