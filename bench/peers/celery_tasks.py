# A no-op Celery task as its guide has it: acks late, persistent messages, no result backend (the database of tasker keeps a
# result; this is the faster choice for Celery).
import json
import os
import time

from celery import Celery

settings = json.loads(os.environ["BENCH"])
app = Celery("bench", broker=settings["uri"])
app.conf.task_acks_late = True
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = 4
app.conf.broker_connection_retry_on_startup = True


@app.task(name="noop")
def noop(n):
    return None


@app.task(name="mark")
def mark(path):
    with open(path, "w") as out:
        out.write(str(time.time()))
