"""Walks all objects, frames and modules of the interpreter for bytes and strings of others."""
import gc, re, sys, threading

text = re.compile("ASSAY" + "-TOKEN-[0-9a-f]{32}")
gc.unfreeze()
found, seen, todo = set(), set(), list(gc.get_objects())
frame = sys._getframe()
while frame:
    todo += [frame, frame.f_locals, frame.f_globals, frame.f_builtins]
    frame = frame.f_back
todo += list(sys._current_frames().values()) + list(sys.modules.values())
limit = 400_000
while todo and limit:
    thing = todo.pop()
    if id(thing) in seen:
        continue
    seen.add(id(thing))
    limit -= 1
    if type(thing) is str:
        found.update(text.findall(thing))
    elif type(thing) in (bytes, bytearray):
        found.update(text.findall(bytes(thing).decode("latin-1")))
    elif type(thing) not in (int, float, bool, type(None)):
        todo += gc.get_referents(thing)
print("FOUND", *sorted(found))
