"""Makes torch's CPU threads spin only briefly before they sleep.

By default they spin for milliseconds. A job that runs beside a chat server or another job then burns
the cores that its own threads wait for. A short spin is nearly as fast on an idle machine and many
times faster on a busy one (measured, `DECISIONS.md`). torch reads the variable when it is loaded, so
every process sets it before that.
"""

ENVIRONMENT = {"GOMP_SPINCOUNT": "2000"}
