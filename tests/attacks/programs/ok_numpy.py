try:
    import numpy as np
except ImportError:
    np = None
values = list(map(int, input().split()))
print(int(np.array(values).sum()) if np else sum(values))
