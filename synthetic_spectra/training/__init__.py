"""From spectra to runs: what a run is, its folder, batches, callbacks, mirrors."""
