"""Measured spectra: files of instruments, and what brings them onto the axis of a dataset."""
