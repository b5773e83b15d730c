"""Patches everything an interpreter shares, hoping that the next run or program lives in the same one."""
import builtins, gc, heapq, io, json, math, os, random, re, signal, string, sys, threading, types

a, b = map(int, input().split())
print(a + b, flush=True)
builtins.assay_patched = True
sys.assay_patched = True


class Evil:
    def __getattr__(self, name):
        os._exit(9)

    def __call__(self, *args, **options):
        os._exit(9)


def hook(event, args):
    if event in ("open", "compile", "exec"):
        sys.assay_seen = True


sys.addaudithook(hook)
sys.meta_path.insert(0, Evil())
sys.path.insert(0, "/tmp")
sys.settrace(lambda *a: None)
threading.settrace(lambda *a: None)
gc.callbacks.append(lambda *a: None)
for module in (json, math, heapq, re, string, random, io, os, signal):
    for name in dir(module):
        if not name.startswith("__") and callable(getattr(module, name)):
            try:
                setattr(module, name, Evil())
            except (AttributeError, TypeError):
                pass
for name in ("open", "input", "len", "map", "int", "range", "sum", "sorted", "compile", "exec", "__import__", "print"):
    setattr(builtins, name, Evil())
