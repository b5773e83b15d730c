"""What a sweep costs, and how it fares on 1 to 1,000 GPUs that fail now and then: measured costs, simulated time.

    python results/scale/simulate.py            # writes simulation.json beside this file, and prints its table

100 checkpoints × 5 benchmarks × 64 samples. What is measured comes from results/perf (verification, storage); what
is assumed stands in `ASSUMED` and is named in the page: how long responses are and how fast an engine writes them.
Change it for your model. The simulation is one of events: a GPU takes the next shard, loads the checkpoint unless it
is loaded, and writes the shard's samples at the engine's throughput, the longest of them at the speed of a single
stream. A GPU that fails loses what was in flight: finished samples are in the store, and the shard's rest goes back
into the queue.
"""

from __future__ import annotations

import heapq
import json
import math
import random
from dataclasses import asdict, dataclass
from pathlib import Path

PERF = Path(__file__).parents[1] / "perf"
BENCHMARKS = {
    # problems, tests of a sample (0: mathematics), mean tokens of a response
    "aime24": (30, 0, 12_000),
    "math500": (500, 0, 4_500),
    "gpqa_diamond": (198, 0, 8_000),
    "livecodebench": (279, 20, 10_000),
    "codeforces": (408, 40, 12_000),
}
"""Window of the R1 report for LiveCodeBench. Lengths: about those of published 7B reasoning models; assumed."""


@dataclass(frozen=True, kw_only=True)
class Assumed:
    """What is not measured here."""

    tokens_per_second: float = 6_000.0
    """One GPU, a 7B model in bfloat16, some hundred streams at once."""
    single_stream: float = 100.0
    """Tokens a second of the last response of a shard, alone on its GPU."""
    spread: float = 0.7
    """Sigma of the log-normal distribution of lengths."""
    cap: int = 32_768
    start_seconds: float = 90.0
    """A fresh engine: imports, graphs, weights."""
    swap_seconds: float = 12.0
    """Another checkpoint into an engine that is alive."""
    bytes_per_token: float = 3.6
    mtbf_hours: float = 300.0
    """Mean time between failures of one GPU's process, whatever the cause; pessimistic."""
    restart_seconds: float = 300.0
    shard_samples: int = 2_000


ASSUMED = Assumed()


def measured() -> dict[str, float]:
    """CPU seconds and bytes of our own half, from results/perf."""
    overhead = json.loads((PERF / "overhead.json").read_text())
    maths = json.loads((PERF / "math.json").read_text())
    sandbox = json.loads((PERF / "sandbox.json").read_text())
    return {
        "store_cpu_seconds": 1 / overhead["10000 x 1, assay"]["samples_per_cpu_second"],
        "maths_cpu_seconds": 1 / maths["core"]["assay"]["pairs_per_second"],
        "test_cpu_seconds": sandbox["docker exec python"]["cpu_ms_per_test"] / 1000,
        "compression": 0.33,  # sealed bytes of a byte of text: 412 responses of R1 distillations in zstd Parquet
    }


def costs(checkpoints: int = 100, samples: int = 64) -> dict[str, float]:
    """Sums over the whole sweep."""
    known = measured()
    counts = {name: problems * samples * checkpoints for name, (problems, _, _) in BENCHMARKS.items()}
    tokens = sum(counts[name] * length for name, (_, _, length) in BENCHMARKS.items())
    tests = sum(counts[name] * tests for name, (_, tests, _) in BENCHMARKS.items())
    everything = sum(counts.values())
    maths = sum(counts[name] for name, (_, tests, _) in BENCHMARKS.items() if not tests)
    text_bytes = tokens * ASSUMED.bytes_per_token
    cpu = (
        everything * known["store_cpu_seconds"] + maths * known["maths_cpu_seconds"] + tests * known["test_cpu_seconds"]
    )
    gpu_hours = tokens / ASSUMED.tokens_per_second / 3600
    return {
        "samples": everything,
        "tokens": tokens,
        "gpu_hours_of_generation": gpu_hours,
        "bytes_in_journals": text_bytes * 1.15,
        "bytes_sealed": text_bytes * known["compression"],
        "verification_cpu_hours": cpu / 3600,
        "verification_cores_per_gpu": cpu / 3600 / gpu_hours,
        "verification_cores_per_gpu_mathematics_only": (
            (known["store_cpu_seconds"] + known["maths_cpu_seconds"]) * ASSUMED.tokens_per_second / 8_000
        ),
    }


@dataclass(kw_only=True)
class Shard:
    """Samples of one benchmark at one checkpoint."""

    checkpoint: int
    lengths: list[int]


def make_shards(chance: random.Random, checkpoints: int, samples: int) -> list[Shard]:
    """The work, checkpoint after checkpoint."""
    shards = []
    for checkpoint in range(checkpoints):
        for problems, _, mean in BENCHMARKS.values():
            mu = math.log(mean) - ASSUMED.spread**2 / 2
            lengths = [
                min(ASSUMED.cap, int(chance.lognormvariate(mu, ASSUMED.spread))) for _ in range(problems * samples)
            ]
            shards += [
                Shard(checkpoint=checkpoint, lengths=lengths[at : at + ASSUMED.shard_samples])
                for at in range(0, len(lengths), ASSUMED.shard_samples)
            ]
    return shards


def simulate(gpus: int, *, checkpoints: int = 100, samples: int = 64, seed: int = 0) -> dict[str, float]:
    """One sweep on so many GPUs: hours, share of the GPUs' time spent writing tokens, and what failures cost."""
    chance = random.Random(seed)
    queue = make_shards(chance, checkpoints, samples)[::-1]
    total = sum(sum(shard.lengths) for shard in queue)
    free = [(0.0, gpu) for gpu in range(gpus)]
    loaded: dict[int, int] = {}
    failures, lost_tokens, busy, end = 0, 0.0, 0.0, 0.0
    while queue:
        now, gpu = heapq.heappop(free)
        shard = queue.pop()
        if gpu not in loaded:
            now += ASSUMED.start_seconds
        elif loaded[gpu] != shard.checkpoint:
            now += ASSUMED.swap_seconds
        loaded[gpu] = shard.checkpoint
        tokens = sum(shard.lengths)
        seconds = max(tokens / ASSUMED.tokens_per_second, max(shard.lengths) / ASSUMED.single_stream)
        fails_after = chance.expovariate(1 / (ASSUMED.mtbf_hours * 3600))
        if fails_after < seconds:
            share = fails_after / seconds
            done = int(share * len(shard.lengths) * 0.9)  # a tenth is in flight and lost
            lost_tokens += 0.1 * share * tokens
            queue.append(Shard(checkpoint=shard.checkpoint, lengths=shard.lengths[done:]))
            failures += 1
            del loaded[gpu]
            heapq.heappush(free, (now + fails_after + ASSUMED.restart_seconds, gpu))
            continue
        busy += tokens / ASSUMED.tokens_per_second
        end = max(end, now + seconds)
        heapq.heappush(free, (now + seconds, gpu))
    return {
        "gpus": gpus,
        "hours": end / 3600,
        "gpu_hours": gpus * end / 3600,
        "busy": busy / (gpus * end),
        "failures": failures,
        "tokens_lost_to_failures": lost_tokens / total,
    }


def main() -> None:
    """Write and print everything."""
    result = {
        "what": "100 checkpoints × 5 benchmarks × 64 samples",
        "assumed": asdict(ASSUMED),
        "measured": measured(),
        "costs": costs(),
        "simulated": [simulate(gpus) for gpus in (1, 8, 64, 256, 1000)],
    }
    Path(__file__).with_name("simulation.json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(result["costs"], indent=2))
    for row in result["simulated"]:
        print("  ".join(f"{name} {value:,.4g}" for name, value in row.items()))


if __name__ == "__main__":
    main()
