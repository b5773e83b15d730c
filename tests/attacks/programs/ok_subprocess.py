import subprocess, sys

if len(sys.argv) > 1:
    print(sum(map(int, sys.argv[1:])))
else:
    run = subprocess.run([sys.executable, __file__, *input().split()], capture_output=True, text=True, check=True)
    print(run.stdout, end="")
