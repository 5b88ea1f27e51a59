"""How an objective is trained: one file for each, named as its declaration in `templates/objectives/`.

Each holds `setup(data) -> TrainingSetup`, see `workers/training/setups.py`.
"""
