"""The parts of every training run: batches, callbacks, checkpoints, optimizers."""
