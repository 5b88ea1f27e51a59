"""Every kind of job has all its parts, each in a file of its name, and nobody else asks which kind a job is."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from templates import registry
from workers.protocol import Order

ROOT = Path(__file__).parent.parent.parent
PARTS = ("templates.jobs", "workers.orders", "workers.programs", "app.pages.outcomes")
KINDS = sorted(registry.job_kinds())


@pytest.mark.parametrize("package", PARTS)
def test_each_part_has_a_file_for_every_kind_and_no_other(package: str) -> None:
    folder = importlib.import_module(package)
    assert sorted(module.name for module in pkgutil.iter_modules(folder.__path__)) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_of_a_kind_fit_together(kind: str) -> None:
    orders, program = (
        importlib.import_module(f"{package}.{kind}") for package in ("workers.orders", "workers.programs")
    )
    assert issubclass(orders.ORDER, Order)
    assert orders.ORDER is not Order
    assert list(inspect.signature(orders.order).parameters) == ["claimed"]
    assert list(inspect.signature(program.run).parameters) == ["order", "channel"]
    declared = registry.job_kind(kind)
    assert declared.way({}), "also for a spec of another version"
    assert declared.stages[0] == "preparing"


def test_the_worker_makes_orders_without_torch() -> None:
    modules = ", ".join(f"workers.orders.{kind}" for kind in KINDS)
    code = f"import sys, {modules}; assert not {{'torch', 'transformers', 'peft', 'trl'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_nobody_else_asks_which_kind_a_job_is() -> None:
    asks = re.compile(rf"""kind\s*(==|!=|in)\s*[\[({{]?\s*["']({"|".join(KINDS)})["']""")
    files = [path for folder in ("app", "storage", "workers") for path in (ROOT / folder).rglob("*.py")]
    assert [str(path.relative_to(ROOT)) for path in files if asks.search(path.read_text("utf-8"))] == []
