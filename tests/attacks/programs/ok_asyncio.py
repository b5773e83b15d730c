import asyncio, sys


async def part(x):
    await asyncio.sleep(0.01)
    return int(x)


async def main():
    loop = asyncio.get_running_loop()
    line = await loop.run_in_executor(None, sys.stdin.readline)
    print(sum(await asyncio.gather(*map(part, line.split()))))


asyncio.run(main())
