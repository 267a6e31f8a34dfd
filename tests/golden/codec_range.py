#!/usr/bin/python3
"""Golden file of the codec's range rule (collectives/codec.h), in whole numbers of any size.

Prints tests/golden/codec_range.txt:
  first N members bits fields mantissa exponent -> range bound   step_bound = mantissa * 2^exponent
  next  N members bits fields range bound Q saturated -> range bound
"""
import random
from fractions import Fraction
from math import isqrt


def smallest_power(holds):
    """The smallest t with holds(t), which is false below and true above."""
    t = 0
    while not holds(t):
        t += 1
    while holds(t - 1):
        t -= 1
    return t


def clamp(value, low, high):
    return max(low, min(high, value))


def first(n_parameters, fields, step_bound):
    above = smallest_power(lambda c: step_bound < Fraction(2) ** c)
    half = smallest_power(lambda h: n_parameters <= Fraction(4) ** h)
    return clamp(above + (6 if fields == 1 else 1), -64, 64), clamp(above + 2 + half, -128, 128)


def following(n_parameters, members, bits, fields, last_range, last_bound, squares, saturated):
    scale = bits - 1 - last_range
    floor, bound = last_range, last_bound
    if squares > 0:
        mean_square = Fraction(squares, n_parameters * members**2) / Fraction(4) ** scale
        kappa = 1024 if fields == 1 else 8
        floor = smallest_power(lambda r: Fraction(4) ** r >= kappa**2 * mean_square)
        root = smallest_power(lambda h: Fraction(4) ** h >= members)
        square_of_norm = Fraction(squares, members**2) / Fraction(4) ** scale
        bound = smallest_power(lambda b: Fraction(4) ** b >= 16 * 4**root * square_of_norm)
    wanted = last_range + (1 if saturated > 0 else -1)
    return (clamp(clamp(wanted, floor, floor + 6), -64, 64), clamp(bound, -128, 128))


def main():
    draw = random.Random(20240611)
    for _ in range(60):
        n_parameters = draw.choice([1, 2, 3, 4, 5, 1000, 65536, 65537, 124439808, 10**10])
        fields = draw.choice([1, 2])
        mantissa = draw.choice([1, 1, 3, 5, 2**52 - 1, 2**52 + 1])
        exponent = draw.randint(-70, 20) - mantissa.bit_length()
        got = first(n_parameters, fields, mantissa * Fraction(2) ** exponent)
        members = draw.choice([1, 2, 3, 8, 100, 1024])
        bits = 32 // fields - (members - 1).bit_length()
        print("first", n_parameters, members, bits, fields, mantissa, exponent, *got)
    for index in range(900):
        fields = draw.choice([1, 2])
        members = draw.choice([1, 2, 3, 4, 5, 7, 8, 9, 16, 64, 1000, 1024, 4096, 65536])
        bits = 32 // fields - (members - 1).bit_length()
        if bits < 4:
            continue
        n_parameters = draw.choice([1, 2, 3, 7, 1000, 65536, 124439808, 2**40 - 1,
                                    draw.randint(2**50, 2**62)])
        limit = members * (2 ** (bits - 1) - 1)
        largest = n_parameters * limit**2
        kind = index % 5
        if kind == 0:
            squares = draw.choice([0, 1, 2, 3, 4, 5, largest, largest - 1])
        elif kind == 1:  # at and beside an exact power of four times N n^2
            squares = n_parameters * members**2 * 4 ** draw.randint(0, 28) + draw.randint(-1, 1)
        elif kind == 2:
            squares = members**2 * 4 ** draw.randint(0, 50) + draw.randint(-1, 1)
        else:
            squares = isqrt(largest) + draw.randint(0, largest) >> draw.randint(0, 60)
        squares = clamp(squares, 0, largest)
        last_range = draw.choice([draw.randint(-30, 10), draw.randint(-64, 64)])
        last_bound = draw.randint(-128, 128)
        saturated = draw.choice([0, 0, 1, 12345])
        got = following(n_parameters, members, bits, fields, last_range, last_bound, squares, saturated)
        print("next", n_parameters, members, bits, fields, last_range, last_bound,
              f"{squares >> 64:x}", f"{squares & 2**64 - 1:x}", saturated, *got)
    # Lengths beyond 2^62 and members that are no power of two: N n^2 carries into its high word.
    for n_parameters in (2**63 - 1, 2**63 - 2**32, 2**62 + 2**32 - 1):
        for members in (65535, 65533, 40000):
            squares = n_parameters * members**2 * 4**draw.randint(0, 14) + draw.randint(-1, 1)
            got = following(n_parameters, members, 16, 1, 0, 0, squares, 0)
            print("next", n_parameters, members, 16, 1, 0, 0, f"{squares >> 64:x}",
                  f"{squares & 2**64 - 1:x}", 0, *got)


main()
