#!/usr/bin/env python3
"""An endpoint of tasker in Python: performs one task type, with credentials for the broker and nothing else (docs/wire.md).

Needs pika (Debian: python3-pika), and a supervisor that starts it anew whenever it ends: after the broker was away, say.
  BROKER=amqp://user:password@host:port/tasker ./endpoint.py py-1 greet
"""
import json, os, signal, socket, sys, threading, time, uuid

import pika

TTL_MS = 30_000  # After this long without a heartbeat the process counts as dead, and its task is somebody else's.
REPLIES = "amq.rabbitmq.reply-to"


def handle(payload):
    """What the type does: your part. The return value is the result; an exception is a failed attempt."""
    return {"text": f"Hello {payload['name']}, this is Python"}


class Endpoint:
    def __init__(self, name, type_):
        self.name, self.type, self.id = name, type_, str(uuid.uuid4())
        self.asked, self.answer, self.deliveries, self.running, self.leaving = None, None, [], 0, False
        broker = pika.URLParameters(os.environ["BROKER"])
        self.user = broker.credentials.username  # The broker checks it; the recorder refuses what comes without it.
        self.connection = pika.BlockingConnection(broker)
        self.calls = self.connection.channel()
        self.calls.basic_consume(REPLIES, self.replied, auto_ack=True)

    def ask(self, key, call, **fields):
        body = json.dumps({"v": 1, "calls": [{"call": call, "endpoint": self.name, **fields}]})
        properties = pika.BasicProperties(user_id=self.user, reply_to=REPLIES, correlation_id=key, expiration="5000")
        self.calls.basic_publish("tasker.:recorder", "tasker.:calls", body, properties)

    def replied(self, channel, method, properties, body):
        reply = json.loads(body)
        answer = reply["answers"][0] if "answers" in reply else {"error": {"code": "refused", "message": reply["refused"]}}
        if answer.get("ok") == {"known": False}:
            sys.exit("Declared dead: what ran here is somebody else's by now.")
        if properties.correlation_id == self.asked:
            self.answer = answer

    def call(self, call, **fields):
        """Asks until there is an answer: a call may be repeated."""
        while True:
            self.asked, self.answer, end = str(uuid.uuid4()), None, time.monotonic() + 5
            self.ask(self.asked, call, **fields)
            while self.answer is None and time.monotonic() < end:
                self.connection.process_data_events(time_limit=1)
            answer = self.answer or {"error": {"code": "unavailable", "message": "The recorder does not answer."}}
            if "ok" in answer:
                return answer["ok"]
            if answer["error"]["code"] == "refused":
                raise ValueError(answer["error"]["message"])
            if answer["error"]["code"] != "unavailable" or self.leaving:
                sys.exit(answer["error"]["message"])
            self.connection.sleep(1)

    def beat(self):
        """Waits for no answer: `replied` sees it."""
        self.ask("heartbeat", "heartbeat", manager_id=self.id, running=self.running, draining=self.leaving)
        self.connection.call_later(TTL_MS / 6000, self.beat)

    def publish(self, exchange, key, body, headers=None):
        """Returns when the broker has confirmed it."""
        properties = pika.BasicProperties(user_id=self.user, delivery_mode=2, headers=headers)
        self.work.basic_publish(exchange, key, body, properties, mandatory=True)

    def attempt(self, grant):
        """How it ended. The handler runs in a thread of its own; this one goes on speaking to the broker."""
        ended = []

        def run():
            try:
                ended.append(("succeeded", None, json.dumps(handle(json.loads(grant["payload"])), allow_nan=False)))
            except BaseException as error:
                status = "retrying" if grant["attempt"] < grant["attempts"] else "failed"
                ended.append((status, f"{type(error).__name__}: {error}", None))
            self.connection.add_callback_threadsafe(lambda: None)  # Wakes the loop below.

        threading.Thread(target=run, daemon=True).start()
        while not ended:
            self.connection.process_data_events(time_limit=1)
        return ended[0]

    def perform(self, task):
        claim = {**task, "type": self.type, "lease_id": str(uuid.uuid4())}  # Our own lease: asked again, it is granted again.
        (grant,) = self.call("claim", manager_id=self.id, claims=[claim])
        if not grant["granted"]:
            return  # Done, cancelled, not due, or somebody else's: there is nothing to do.
        self.running = 1
        status, error, result = self.attempt(grant)
        self.running = 0
        end = {field: grant[field] for field in ("task_id", "endpoint", "job", "lease_id", "generation", "attempt")}
        end.update(status=status, reason=error and "error", error=error, result=result, result_text=None, retry_in_ms=1000)
        self.publish("tasker.:recorder", "tasker.:reports", json.dumps({"v": 1, "finish": [end]}))

    def receive(self, method, properties, body):
        try:
            message = json.loads(body)
            if message["v"] != 1:
                raise ValueError(f"its version is {message['v']}")
            for task in message["tasks"]:
                if self.leaving:
                    return  # Not acked: the message goes back to its queue.
                self.perform({"task_id": task["id"], "job": task.get("job") or "", "generation": task.get("generation")})
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            why = {"x-tasker-reason": f"invalid: {type(error).__name__}: {error}", "x-tasker-queue": self.queue}
            self.publish("tasker.dead", "tasker.dead", body, {**(properties.headers or {}), **why})
        self.work.basic_ack(method.delivery_tag)  # After the broker's confirm of the end, never before.

    def await_queue(self):
        """The API makes and binds the queue when it sees who has registered: this user may not."""
        while True:
            channel = self.connection.channel()
            try:
                channel.queue_declare(self.queue, passive=True)
                return channel
            except pika.exceptions.ChannelClosedByBroker as refusal:
                if refusal.reply_code != 404:
                    raise
                self.connection.sleep(0.5)

    def serve(self):
        process = {"id": self.id, "host": socket.gethostname(), "pid": os.getpid(), "slot": self.type, "version": "python"}
        self.call("register", **process, types=[self.type], labels={}, ttl_ms=TTL_MS)
        self.beat()
        self.queue = f"tasker.{self.type.replace('.', '~')}.{self.name}"
        self.work = self.await_queue()
        self.work.confirm_delivery()
        self.work.basic_qos(prefetch_count=1)
        self.work.basic_consume(self.queue, lambda channel, *delivery: self.deliveries.append(delivery))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "leaving", True))
        print(f"endpoint {self.name} performs {self.type}", flush=True)
        while self.work.consumer_tags and not self.leaving:
            self.connection.process_data_events(time_limit=1)
            while self.deliveries and not self.leaving:
                self.receive(*self.deliveries.pop())
        self.call("leave", manager_id=self.id)
        self.connection.close()
        sys.exit(None if self.leaving else "The broker ended the consumer: its queue is gone.")


if __name__ == "__main__":
    Endpoint(*sys.argv[1:3]).serve()
