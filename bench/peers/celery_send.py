# Sends so many no-op tasks, and prints when it is done.
import sys

from celery_tasks import noop

for n in range(int(sys.argv[1])):
    noop.delay(n)
print("sent")
