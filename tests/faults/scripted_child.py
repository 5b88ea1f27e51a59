"""A child that trains nothing, in milliseconds: it speaks the protocol, resumes, checkpoints and stages.

Standard library only, so that hundreds start quickly. The job's name is its script, for example
`steps=40 step_s=0.02 save=10 pause=staged`:

- `steps`, `step_s`, `save`: how many steps, how long each, a checkpoint after every so many
- `pause=checkpoint|staged`: on the first attempt, write `<job>.paused` beside the log there, and wait
- `kill_at=N`, `kills=K`: on the first K attempts, die by SIGKILL before step N is done
- `hang_at=N`: fall silent before step N, on every attempt
- `deaf`: do not obey a stop
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

inbox = []
arrived = threading.Event()
stop = None


def listen():
    global stop
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "stop" in message:
            stop = message["stop"]
        else:
            inbox.append(message)
            arrived.set()
    os._exit(3)


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def seal(folder):
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        files[path.relative_to(folder).as_posix()] = entry
    manifest = json.dumps({"files": files}, indent=1, sort_keys=True).encode()
    (folder / "manifest.json").write_bytes(manifest)
    return hashlib.sha256(manifest).hexdigest()


def last_checkpoint(checkpoints):
    sealed = [p for p in checkpoints.glob("step-*") if (p / "manifest.json").exists()]
    return max((int((p / "state").read_text()) for p in sealed), default=0)


def save(checkpoints, step, pause):
    draft = checkpoints / f".draft-{os.getpid()}-{step}"
    draft.mkdir(parents=True)
    (draft / "state").write_text(str(step))
    pause("checkpoint", step)
    seal(draft)
    target = checkpoints / f"step-{step:08}"
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    say(type="checkpointed", step=step)


def end_early(step, save_now):
    if stop == "drain":
        save_now(step)
    if stop in ("drain", "discard"):
        say(type="stopped", why=stop)
        sys.stdout.flush()
        os._exit(0)


def train(order, script):
    steps, step_s, every = int(script.get("steps", 5)), float(script.get("step_s", 0.01)), int(script.get("save", 5))
    checkpoints, first = Path(order["checkpoints"]), order["attempt"] == 1
    start = last_checkpoint(checkpoints)

    def pause(point, step):
        if first and script.get("pause") == point and (point != "checkpoint" or step > every):
            Path(order["log_file"]).with_suffix(".paused").touch()
            time.sleep(120)

    say(type="entered", stage="training")
    say(type="planned", start_step=start, total_steps=steps)
    for step in range(start + 1, steps + 1):
        if "deaf" not in script:
            end_early(step - 1, lambda at: save(checkpoints, at, pause))
            if stop == "keep":
                break
        if step == int(script.get("hang_at", 0)):
            time.sleep(120)
        if step == int(script.get("kill_at", 0)) and order["attempt"] <= int(script.get("kills", 1)):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(step_s)
        say(type="measured", split="train", step=step, values={"loss": 1.0 / step}, eta_s=(steps - step) * step_s)
        if step % every == 0:
            save(checkpoints, step, pause)
    staging = Path(order["staging"])
    (staging / "adapter_model.safetensors").write_text(f"{order['job_id']} {order['attempt']}")
    (staging / "adapter_config.json").write_text("{}")
    manifest = seal(staging)
    pause("staged", steps)
    verdict = {"verdict": "cant_tell", "sentence": "nothing was trained"}
    say(
        type="done",
        result=verdict,
        actual={"steps": steps},
        made={
            "what": "artifact",
            "kind": "adapter",
            "manifest_sha256": manifest,
            "facts": {
                "recipe": order["recipe"],
                "weights_sha256": hashlib.sha256((staging / "adapter_model.safetensors").read_bytes()).hexdigest(),
                "verdict": verdict,
            },
        },
    )


def main():
    threading.Thread(target=listen, daemon=True).start()
    say(type="ready")
    arrived.wait()
    order = inbox[0]
    Path(order["log_file"]).write_text(f"pid {os.getpid()}\n")
    script = dict(word.partition("=")[::2] for word in order["name"].split())
    train(order, script)
    os._exit(0)


main()
