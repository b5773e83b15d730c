from multiprocessing import Pool


def parse(x):
    return int(x)


if __name__ == "__main__":
    with Pool(2) as pool:
        print(sum(pool.map(parse, input().split())))
