#!/usr/bin/env python3
"""Ten generations of a population, bred by lists of Python: the hash in test_genetic_population.c.

An independent model of jobs/genetic_population.h; it shares nothing with the program but the rules.
Usage: tests/golden/population.py
"""
import hashlib
import struct

SEED, PEOPLE, LONGEST, ELITE, TOURNAMENT, CROSSOVER, MUTATION = 5, 24, 6, 2, 3, 0.3, 0.8
BREEDING = 8  # the purpose of the stream
WORD = 0xFFFFFFFF


def blake(personal, data):
    return hashlib.blake2b(data, digest_size=32, person=personal).digest()


KEY = struct.unpack("<II", blake(b"vain/philox", struct.pack("<QI", SEED, BREEDING))[:8])


def philox(generation, individual, index):
    """Philox4x32-10 of Salmon et al. 2011 at (round, step, index)."""
    c = [index & WORD, index >> 32, individual, generation]
    k = list(KEY)
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ k[0], q & WORD, (p >> 32) ^ c[3] ^ k[1], p & WORD]
        k = [(k[0] + 0x9E3779B9) & WORD, (k[1] + 0xBB67AE85) & WORD]
    return c


def words(generation, individual):
    index = 0
    while True:
        yield from philox(generation, individual, index)
        index += 1


def child_of(ranked, generation, individual):
    """`ranked` are the parents' chains, the fittest first."""
    draw = words(generation, individual)

    def below(count):
        return next(draw) * count >> 32

    def parent():
        return ranked[min(below(PEOPLE) for _ in range(TOURNAMENT))]

    def chance(probability):
        return next(draw) / 2**32 < probability

    chain = list(parent())
    two = chance(CROSSOVER)
    if two:
        father = parent()
        cut = below(max(len(chain), len(father)) + 1)
        chain = chain[:cut]
        chain += father[len(chain):]
    if not two or chance(MUTATION):
        seed = next(draw) >> 8
        if len(chain) == LONGEST:
            chain[below(LONGEST)] = seed
        else:
            chain.append(seed)
    return chain


def main():
    chains = [[]] + [[next(words(0, i)) >> 8] for i in range(1, PEOPLE)]
    for generation in range(1, 11):
        fitness = [(chain[0] if chain else 0) % 13 + i % 5 for i, chain in enumerate(chains)]
        ranked = [chains[i] for i in sorted(range(PEOPLE), key=lambda i: (-fitness[i], i))]
        chains = ranked[:ELITE] + [child_of(ranked, generation, i) for i in range(ELITE, PEOPLE)]
    floats = [0.0] * PEOPLE + [len(chain) for chain in chains]
    for chain in chains:
        floats += chain + [0] * (LONGEST - len(chain))
    print(blake(b"vain/test", struct.pack(f"<{len(floats)}f", *floats)).hex())


if __name__ == "__main__":
    main()
