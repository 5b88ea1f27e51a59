"""Training of objectives: one file each, with the name of its declaration in `templates/objectives/`.

Each defines `set_up(data) -> TrainingSetup`; see `workers/training/setups.py`.
"""
