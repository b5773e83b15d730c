"""Honest, after a program that patched and poisoned: standard modules must be the real ones."""
import builtins, heapq, json, math, os, re, sys

assert not hasattr(builtins, "assay_patched") and not hasattr(sys, "assay_patched")
a, b = map(int, input().split())
heap = [a, b]
heapq.heapify(heap)
total = json.loads(json.dumps({"t": heapq.heappop(heap) + heapq.heappop(heap)}))["t"]
assert math.gcd(12, 18) == 6 and re.match(r"\d+", "12") and sys.gettrace() is None
print(total)
