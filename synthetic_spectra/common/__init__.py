"""What every stage needs: the command line, files, the machine, Keras."""
