"""From class definitions to spectra: configs, rendering, datasets."""
