"""The kinds of datasets.

A kind is one module, with a class that takes the resolved config, and one line in ``SOURCES``.
``peaks.PeakSource`` shows what the class has: ``config``, the class of its configs, and the methods
``numbers(split)``, ``refuse_too_large(splits)``, ``notice()`` and ``draw(splits, key)``.

``spectra_per_epoch`` is None where an epoch of fresh spectra is drawn as a whole. Else it is their
number, and the class has a method ``batch(seed, epoch, start, end)``. This gives the spectra from
``start`` to ``end`` (exclusive) of an epoch of the stream of a seed, float32 (n, n_datapoints) and
scaled to a maximum of 1, and their labels, int64 (n,). Each spectrum depends on the seed, the epoch
and its number alone. Several threads call ``batch`` at a time.

``top5_accuracy`` says whether a training also counts how often the class is among the five
likeliest.
"""

from synthetic_spectra.spectra.crystal_patterns import CrystalSource
from synthetic_spectra.spectra.peaks import PeakSource

# the ``kind`` of a config → class of its source
SOURCES = {"peaks": PeakSource, "crystals": CrystalSource}
