"""A tee with one endpoint, filled and watched."""

import threading
import time

from stepscope_collector.config import Target, TeeConfig
from stepscope_collector.tee import Record, Tee
from stepscope_collector.telemetry import Telemetry
from tests.integration.collector.tees import spans

WAIT_S = 20


def made(tmp_path, endpoint, **more):
    target = Target("t", endpoint, **more)
    telemetry = Telemetry()
    tee = Tee(TeeConfig(to=(target,), max_queue_bytes=2**20), tmp_path / "tee", "ab", telemetry)
    return tee, telemetry


def put(tee, *numbers, signal="traces"):
    for number in numbers:
        tee.append([Record(signal, "protobuf", spans(number).SerializeToString(), 4)])
        tee.publish()


def until(holds):
    deadline, tick = time.monotonic() + WAIT_S, threading.Event()
    while not holds():
        assert time.monotonic() < deadline
        tick.wait(0.01)


def counted(telemetry, name):
    (found,) = (reading for reading in telemetry.read() if reading.metric.name == name)
    return sum(sample.value for sample in found.samples)
