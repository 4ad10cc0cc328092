#!/usr/bin/env python3
"""An endpoint of tasker in Python: performs one task type, knowing nothing but docs/wire.md and the SQL below.

Needs pika and PyMySQL (Debian: python3-pika python3-pymysql), and the address of both servers:
  DATABASE=mysql://user:password@host:port/tasker BROKER=amqp://user:password@host:port/tasker ./endpoint.py py-1 greet
"""
import json, os, socket, sys, threading, time, uuid
from urllib.parse import unquote, urlparse

import pika, pymysql

TTL_MS = 30_000

# Who we are. A manager's row is one life of one process; whoever sends no heartbeat for ttl_ms is dead.
ENDPOINT_SQL = """INSERT IGNORE INTO endpoints (name, labels, first_seen_at) VALUES (%s, '{}', UTC_TIMESTAMP(3))"""
TYPE_SQL = """INSERT IGNORE INTO endpoint_types (type, endpoint) VALUES (%s, %s)"""
MANAGER_SQL = """INSERT INTO managers (id, endpoint, host, pid, slot, version, state, running, ttl_ms, started_at, heartbeat_at)
  VALUES (%s, %s, %s, %s, %s, 'python', 'alive', 0, %s, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))"""
# What has been waiting for us: the API publishes it now that there is a queue.
WAITING_SQL = """UPDATE task_responses SET due_at = UTC_TIMESTAMP(3), version = version + 1
  WHERE finished_at IS NULL AND due_at IS NOT NULL AND endpoint = %s AND type = %s AND status = 'expected'
    AND (delay_until IS NULL OR delay_until <= UTC_TIMESTAMP(3))"""
# No row: we have been declared dead, and must not go on as this manager.
HEARTBEAT_SQL = """UPDATE managers SET heartbeat_at = UTC_TIMESTAMP(3) WHERE id = %s AND state = 'alive'"""
LEAVE_SQL = """UPDATE managers SET state = 'stopped', running = 0, stopped_at = UTC_TIMESTAMP(3) WHERE id = %s"""
# One row changed: it is ours under this lease. None: done, cancelled, or somebody else's; there is nothing to do. Nor is there for
# one that was declared dead while it could not reach the database: what it takes would be taken from it at once.
CLAIM_SQL = """UPDATE task_responses SET status = 'running', lease_id = %s, manager_id = %s, performer = %s, attempt = attempt + 1,
    received_at = COALESCE(received_at, UTC_TIMESTAMP(3)), started_at = UTC_TIMESTAMP(3), finished_at = NULL, retry_at = NULL,
    reason = NULL, error = NULL, progress = 0, progress_message = NULL, published = 0,
    timeout_at = UTC_TIMESTAMP(3) + INTERVAL timeout_ms * 1000 MICROSECOND,
    due_at = UTC_TIMESTAMP(3) + INTERVAL 1 SECOND, changed_at = UTC_TIMESTAMP(3), version = version + 1
  WHERE task_id = %s AND endpoint = %s AND job = %s AND type = %s AND status IN ('expected', 'received', 'retrying')
    AND cancel_at IS NULL AND (retry_at IS NULL OR retry_at <= UTC_TIMESTAMP(3))
    AND (delay_until IS NULL OR delay_until <= UTC_TIMESTAMP(3)) AND generation <= %s
    AND EXISTS (SELECT 1 FROM managers WHERE id = %s AND state = 'alive')"""
PAYLOAD_SQL = """SELECT t.payload, r.attempt, r.attempts FROM task_responses r JOIN tasks t ON t.id = r.task_id
  WHERE r.task_id = %s AND r.endpoint = %s AND r.job = %s"""
# The end, only under the lease. None changed: it was taken from us; what we did is overwritten by nobody and overwrites nothing.
FINISH_SQL = """UPDATE task_responses SET status = %s, reason = %s, error = %s, result = %s,
    progress = IF(status = 'succeeded', 1, progress), finished_at = UTC_TIMESTAMP(3), timeout_at = NULL,
    due_at = NULL, changed_at = UTC_TIMESTAMP(3), version = version + 1
  WHERE task_id = %s AND endpoint = %s AND job = %s AND lease_id = %s AND status = 'running'"""
# Another attempt is left: the row waits, the attempt is kept for the record, and the API publishes it when it is due.
ATTEMPT_SQL = """INSERT INTO task_attempts (task_id, endpoint, job, generation, attempt, lease_id, outcome, reason, error, performer,
    manager_id, started_at, finished_at)
  SELECT task_id, endpoint, job, generation, attempt, lease_id, 'failed', 'error', %s, performer, manager_id, started_at,
    UTC_TIMESTAMP(3) FROM task_responses
  WHERE task_id = %s AND endpoint = %s AND job = %s AND lease_id = %s AND status = 'running' FOR UPDATE"""
RETRY_SQL = """UPDATE task_responses SET status = IF(cancel_at IS NULL, 'retrying', 'cancelled'), reason = 'error', error = %s,
    retry_at = UTC_TIMESTAMP(3) + INTERVAL 1 SECOND, due_at = UTC_TIMESTAMP(3) + INTERVAL 1 SECOND, published = 0, timeout_at = NULL,
    finished_at = IF(cancel_at IS NULL, NULL, UTC_TIMESTAMP(3)), changed_at = UTC_TIMESTAMP(3), version = version + 1
  WHERE task_id = %s AND endpoint = %s AND job = %s AND lease_id = %s AND status = 'running'"""


def handle(payload):
    """What the type does: your part. The return value is the result; an exception is a failed attempt."""
    return {"text": f"Hello {payload['name']}, this is Python"}


def connect():
    at = urlparse(os.environ["DATABASE"])
    return pymysql.connect(host=at.hostname, port=at.port or 3306, user=unquote(at.username), password=unquote(at.password or ""),
                           database=at.path[1:], charset="utf8mb4", autocommit=True,
                           init_command="SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')")


class Endpoint:
    def __init__(self, name, type_):
        self.name, self.type, self.id = name, type_, str(uuid.uuid4())
        self.database = connect()

    def run(self, sql, *values):
        with self.database.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def register(self):
        self.run(ENDPOINT_SQL, self.name)
        self.run(TYPE_SQL, self.type, self.name)
        self.run(MANAGER_SQL, self.id, self.name, socket.gethostname(), os.getpid(), f"python-{os.getpid()}", TTL_MS)
        threading.Thread(target=self.heartbeat, daemon=True).start()

    def heartbeat(self):
        database = connect()  # A connection of its own: the other one may be busy.
        while True:
            with database.cursor() as cursor:
                if cursor.execute(HEARTBEAT_SQL, (self.id,)) == 0:
                    os._exit(1)  # Declared dead: our leases are somebody else's by now. A supervisor starts us anew.
            time.sleep(TTL_MS / 6000)

    def perform(self, task):
        key = (task["id"], self.name, task.get("job") or "")
        lease = str(uuid.uuid4())
        generation = task.get("generation", 2**31 - 1)  # A task that was opened anew has a later message of its own.
        if self.run(CLAIM_SQL, lease, self.id, self.name, *key, self.type, generation, self.id) == 0:
            return
        ((payload, attempt, attempts),) = self.run(PAYLOAD_SQL, *key)
        try:
            result = json.dumps(handle(json.loads(payload)))
            self.run(FINISH_SQL, "succeeded", None, None, result, *key, lease)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            if attempt >= attempts:
                self.run(FINISH_SQL, "failed", "error", text, None, *key, lease)
            else:
                self.database.begin()
                self.run(ATTEMPT_SQL, text, *key, lease)
                self.run(RETRY_SQL, text, *key, lease)
                self.database.commit()

    def receive(self, channel, method, properties, body):
        try:
            message = json.loads(body)
            if message["v"] != 1:
                raise ValueError(f"version {message['v']}")
            tasks = message["tasks"]
        except Exception as error:
            headers = {"x-tasker-reason": f"not_json: {error}", "x-tasker-queue": method.routing_key}
            channel.basic_publish("tasker.dead", "tasker.dead", body, pika.BasicProperties(headers=headers, delivery_mode=2))
        else:
            for task in tasks:
                self.perform(task)
        channel.basic_ack(method.delivery_tag)  # After the commits, never before.

    def await_queue(self, connection, queue):
        """The API makes and binds the queue when it sees who has registered: this user may not."""
        while True:
            channel = connection.channel()
            try:
                channel.queue_declare(queue, passive=True)
                return channel
            except pika.exceptions.ChannelClosedByBroker as refusal:
                if refusal.reply_code != 404:
                    raise
                connection.sleep(0.5)

    def serve(self):
        encoded = self.type.replace(".", "~")
        queue = f"tasker.{encoded}.{self.name}"
        self.register()
        connection = pika.BlockingConnection(pika.URLParameters(os.environ["BROKER"]))
        channel = self.await_queue(connection, queue)
        self.run(WAITING_SQL, self.name, self.type)
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue, self.receive)
        print(f"endpoint {self.name} performs {self.type}", flush=True)
        try:
            channel.start_consuming()
        except KeyboardInterrupt:
            self.run(LEAVE_SQL, self.id)


if __name__ == "__main__":
    Endpoint(*sys.argv[1:3]).serve()
