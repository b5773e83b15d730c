import multiprocessing


def work(queue, values):
    queue.put(sum(values))


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=work, args=(queue, list(map(int, input().split()))))
    process.start()
    print(queue.get(timeout=5))
    process.join()
