"""What more than one script of this collection needs: configs, rendering, datasets, runs."""
