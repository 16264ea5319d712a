"""The kinds of datasets.

A kind is one module, with a class that takes the resolved config, and one line in ``SOURCES``.
``peaks.PeakSource`` shows what the class has: ``config``, the class of its configs, and the methods
``numbers(split)``, ``refuse_too_large(splits)``, ``notice()`` and ``draw(splits, key)``.
"""

from synthetic_spectra.spectra.peaks import PeakSource

# the ``kind`` of a config → class of its source
SOURCES = {"peaks": PeakSource}
