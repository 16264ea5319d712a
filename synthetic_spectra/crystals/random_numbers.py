"""Random numbers for compiled code, by SplitMix64.

G. Steele, D. Lea, C. Flood, OOPSLA 2014, 453, section 5.
A crystal starts at a place of its own in that sequence of 2^64 numbers, so that what is drawn for
it does not depend on what is drawn for others.
"""

import numpy as np

from synthetic_spectra.crystals.compiling import compiled

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@compiled
def start(seed, epoch, number):
    return _mixed(_mixed(_mixed(seed) + epoch) + number)


@compiled
def _mixed(value):
    value = value + GOLDEN
    value = (value ^ (value >> np.uint64(30))) * FIRST
    value = (value ^ (value >> np.uint64(27))) * SECOND
    return value ^ (value >> np.uint64(31))


@compiled
def word(state):
    """64 random bits."""
    drawn = _mixed(state[0])
    state[0] += GOLDEN
    return drawn


@compiled
def uniform(state):
    """A number from 0 on, below 1."""
    return float(word(state) >> np.uint64(11)) * 2.0**-53


@compiled
def uniforms(seed, epoch, numbers):
    """One number from 0 on, below 1, for each of some ``numbers`` of an epoch, (n,); all uint64."""
    drawn, state = np.empty(len(numbers)), np.empty(1, np.uint64)
    for i in range(len(numbers)):
        state[0] = start(seed, epoch, numbers[i])
        drawn[i] = uniform(state)
    return drawn


@compiled
def normal(state):
    """A number of the standard normal distribution (G. Box, M. Muller, 1958)."""
    radius = np.sqrt(-2 * np.log(1 - uniform(state)))
    return radius * np.cos(2 * np.pi * uniform(state))


@compiled
def place(cumulated, drawn):
    """The first place where cumulated shares are above a number from 0 on, below 1."""
    return min(np.searchsorted(cumulated, drawn, side="right"), len(cumulated) - 1)


@compiled
def weighted(weights, state):
    """Draw a place by weights; -1 if all are 0."""
    total = weights.sum()
    if total <= 0:
        return -1
    drawn = uniform(state) * total
    last = -1
    for i in range(len(weights)):
        if weights[i] > 0:
            last = i
            drawn -= weights[i]
            if drawn < 0:
                break
    return last
