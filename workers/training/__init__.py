"""What every training run is made of: batches, callbacks, checkpoints, optimizers."""
