"""Verification: the worker pool with hard deadlines, and the two functions that check things by hand.

| file        | holds                                                                        |
|-------------|------------------------------------------------------------------------------|
| `door`      | `verify`, `same_answer`                                                      |
| `pool`      | `Pool`, `default_pool`: what callers use                                     |
| `manager`   | the thread behind a pool: queue, deadlines, replacement                      |
| `cluster`   | `ClusterPool`: a pool whose checks are made on the nodes of a cluster        |
| `mailbox`   | what callers leave for that thread                                           |
| `waiting`   | the threads for verifiers that wait for a server                             |
| `tasks`     | one check and its future                                                     |
| `processes` | the manager's handles on the fork server and the workers                     |
| `zygote`    | the fork server's process                                                    |
| `worker`    | a worker's process                                                           |
| `spec`      | how a verifier gets into a worker                                            |
| `wire`      | frames and their encoding                                                    |
"""

from __future__ import annotations

from assay.verification.door import same_answer, verify
from assay.verification.pool import Pool, default_pool

__all__ = ["Pool", "default_pool", "same_answer", "verify"]
