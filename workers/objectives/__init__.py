"""How an objective is trained: one file for each, named as its declaration in `templates/objectives/`.

Each holds `course(lesson) -> Course`, see `workers/courses.py`.
"""
