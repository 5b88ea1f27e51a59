"""How torch's CPU threads wait for each other: a moment awake, then asleep.

By default they spin for milliseconds. A job that trains beside a chat server or another job then
burns the very cores that its own threads wait for. A short spin is nearly as quick on an idle
machine and many times quicker on a busy one (measured, `DECISIONS.md`). The variable is read when
torch is loaded, so it stands in the environment of every process before that.
"""

ENVIRONMENT = {"GOMP_SPINCOUNT": "2000"}
