import gc, sys

gc.disable()
sys.setswitchinterval(10)
sys.set_int_max_str_digits(0)
a, b = map(int, input().split())
gc.collect()
gc.freeze()
assert len(str(7**20000)) > 4300
print(a + b)
