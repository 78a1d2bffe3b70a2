"""Training: epochs, stopping, best weights, history, callbacks and progress."""
