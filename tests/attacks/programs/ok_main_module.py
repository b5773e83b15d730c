import __main__, inspect, sys


def add(a, b):
    return a + b


assert sys.modules["__main__"] is __main__ and __main__.add is add and "return a + b" in inspect.getsource(add)
print(eval("add(*map(int, input().split()))", globals()))
