"""How torch's CPU threads wait for each other: asleep.

By default they spin. A job that trains beside a chat server, or beside another job, then burns the
very cores that its own threads wait for: with four such neighbours on two cores, one training step
took 6–8 times as long as with sleeping threads (measured, `DECISIONS.md`). The variable is read when
torch is loaded, so it stands in the environment of every process before that.
"""

ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}
