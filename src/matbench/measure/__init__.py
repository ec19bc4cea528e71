"""How long each kernel took: thread limits, the sampler, and the processes that samples are taken in."""
