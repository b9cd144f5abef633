"""What a client does with a broker, with Eclipse Paho: `with_paho.py URL VERSION [CA]` prints `ok`, or fails with a reason."""

import os
import queue
import socket
import sys
import urllib.parse

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

SOON = 30
url = urllib.parse.urlparse(sys.argv[1])
version = {"3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}[sys.argv[2]]
authority = sys.argv[3] if len(sys.argv) > 3 else None
is_v5 = version == mqtt.MQTTv5


class Client:
    """A connection, with a queue of what came."""

    def __init__(self, name, will=None):
        self.messages = queue.Queue()
        self.events = queue.Queue()
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=f"paho-{name}",
            protocol=version,
            transport="websockets" if url.scheme in ("ws", "wss") else "tcp",
            reconnect_on_failure=False,
        )
        if url.scheme in ("ws", "wss"):
            self.client.ws_set_options(path=url.path)
        if url.scheme in ("mqtts", "wss"):
            self.client.tls_set(authority)
        if will:
            self.client.will_set(*will)
        self.client.on_connect = lambda c, u, f, reason, p: self.events.put(reason)
        self.client.on_subscribe = lambda c, u, i, reasons, p: self.events.put(reasons[0])
        self.client.on_message = lambda c, u, message: self.messages.put(message)
        self.client.connect(url.hostname, url.port)
        self.client.loop_start()
        reason = self.events.get(timeout=SOON)
        assert not reason.is_failure, f"CONNACK: {reason}"

    def subscribe(self, topic, qos):
        if is_v5:
            self.client.subscribe(topic, options=SubscribeOptions(qos=qos))
        else:
            self.client.subscribe(topic, qos)
        reason = self.events.get(timeout=SOON)
        assert not reason.is_failure, f"SUBACK: {reason}"

    def publish(self, topic, payload, qos=1, retain=False, properties=None):
        sent = self.client.publish(topic, payload, qos, retain, properties)
        sent.wait_for_publish(SOON)
        assert sent.is_published(), f"`{topic}` is not acknowledged"

    def expect(self, topic, payload, qos, retain=False):
        message = self.messages.get(timeout=SOON)
        came = (message.topic, message.payload, message.qos, message.retain)
        assert came == (topic, payload, qos, retain), f"{came[0]} {came[1][:50]} {came[2:]}"
        return message

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()

    def break_off(self):
        """Without DISCONNECT."""
        copy = socket.socket(fileno=os.dup(self.client.socket().fileno()))
        copy.shutdown(socket.SHUT_RDWR)
        self.client.loop_stop()


def levels(sender, receiver):
    receiver.subscribe("paho/levels/+", 2)
    for qos in (0, 1, 2):
        sender.publish(f"paho/levels/{qos}", f"at {qos}", qos)
        receiver.expect(f"paho/levels/{qos}", b"at %d" % qos, qos)


def large(sender, receiver):
    receiver.subscribe("paho/large", 1)
    payload = bytes(range(256)) * 800
    sender.publish("paho/large", payload)
    receiver.expect("paho/large", payload, 1)


def retained(sender, _):
    sender.publish("paho/retained", "kept", retain=True)
    late = Client("late")
    late.subscribe("paho/retained", 1)
    late.expect("paho/retained", b"kept", 1, True)
    sender.publish("paho/retained", "", retain=True)
    late.expect("paho/retained", b"", 1)
    late.end()
    later = Client("later")
    later.subscribe("paho/retained", 1)
    later.publish("paho/retained", "live")
    later.expect("paho/retained", b"live", 1)
    later.end()


def will(_, receiver):
    receiver.subscribe("paho/will", 1)
    Client("mortal", ("paho/will", "gone", 1)).break_off()
    receiver.expect("paho/will", b"gone", 1)


def properties(sender, receiver):
    receiver.subscribe("paho/properties", 1)
    sent = Properties(PacketTypes.PUBLISH)
    sent.PayloadFormatIndicator = 1
    sent.MessageExpiryInterval = 100
    sent.ContentType = "text/plain"
    sent.ResponseTopic = "paho/answers"
    sent.CorrelationData = b"\x00\xff"
    sent.UserProperty = [("a", "1"), ("b", "2"), ("a", "3")]
    sender.publish("paho/properties", "text", properties=sent)
    came = receiver.expect("paho/properties", b"text", 1).properties
    assert 0 < came.MessageExpiryInterval <= 100, came
    for name in ("PayloadFormatIndicator", "ContentType", "ResponseTopic", "CorrelationData", "UserProperty"):
        assert getattr(came, name) == getattr(sent, name), f"{name}: {came}"


sender, receiver = Client("sender"), Client("receiver")
for case in [levels, large, retained, will] + ([properties] if is_v5 else []):
    case(sender, receiver)
sender.end()
receiver.end()
print("ok")
