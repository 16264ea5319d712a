"""Actors on the nodes of a Ray cluster that draw spectra for a training, and send them through
sockets."""

import hmac
import mmap
import os
import queue
import secrets
import socket
import socketserver
import struct
import threading
import weakref
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from synthetic_spectra.common.cli import notice
from synthetic_spectra.common.errors import InputError
from synthetic_spectra.spectra import config, sources

# portions that an actor draws or keeps ready at a time, so that none waits for the trainer's next
IN_FLIGHT = 2
AT_ONCE = 8  # batches of a portion: asking takes the trainer hardly longer for more of them
START = 60  # seconds that the actors of a run may take until they have a core
REACHED = 10  # seconds that a connection may take
SILENT = 60  # seconds without a byte after which an actor counts as lost
ASKED = struct.Struct("<3Q")  # epoch, start, end


class Actors:
    """Actors on the nodes of a Ray cluster that draw portions of a stream.

    Ray places the actors, watches them and starts lost ones anew. The spectra themselves come
    through sockets: Ray's object store takes the node that trains three times as long.

    A portion depends on its numbers alone: that of an actor which is lost is drawn here, and so are
    the next ones of the actor until Ray has started it anew.

    Args:
        definitions: the resolved config.
        seed: random seed of the run.
        n: actors, ≥ 1; those without a core after ``START`` seconds, and those that cannot be
            reached, are left out.

    Raises:
        InputError: if this process is on no cluster, or every actor with a core fails.
    """

    def __init__(self, definitions, seed, n):
        # the process of a run on a node is connected already
        try:
            import ray
        except ModuleNotFoundError:
            ray = None
        if not (ray and ray.is_initialized()):
            raise InputError("--ray-actors: expected with --ray")
        self.lost = OSError, ray.exceptions.RayActorError
        self.here = partial(sources.stream(definitions).batch, seed)

        # a call of an actor that is being started anew fails at once, as it is not tried again
        kind = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=0)(Drawer)
        secret = secrets.token_bytes(32)
        drawn = definitions.content(), seed, Path.cwd(), secret
        actors = [kind.remote(*drawn) for _ in range(n)]
        begun = {actor.__ray_ready__.remote(): actor for actor in actors}
        ready, late = ray.wait(list(begun), num_returns=n, timeout=START)
        for mark in late:
            ray.kill(begun[mark])
        if late:
            notice(f"  {len(ready)} of {n} actors have a core; the others are left out")

        # a folder or a package may be missing on a node, a port of it may be closed
        links, reason, n_datapoints = [], "", definitions.n_datapoints
        for actor in (begun[mark] for mark in ready):
            of_actor = [Link(ray, actor, secret, n_datapoints) for _ in range(IN_FLIGHT)]
            try:
                of_actor[0].connect()
            except (OSError, ray.exceptions.RayError) as error:
                reason = str(error).strip().splitlines()[-1]
                notice(f"  an actor cannot be used and is left out: {reason}")
                ray.kill(actor)
            else:
                links.append(of_actor)
        if reason and not links:
            raise InputError(f"--ray-actors: no actor can be used: {reason}")

        self.in_flight = max(1, len(links) * IN_FLIGHT)
        self.free = queue.SimpleQueue()
        # each actor in turn
        for link in [link for turn in zip(*links, strict=True) for link in turn] or [None]:
            self.free.put(link)

    def __call__(self, epoch, start, end):
        link = self.free.get()
        try:
            if link:
                return link.portion(epoch, start, end)
        except self.lost as error:
            what = "does not answer" if isinstance(error, TimeoutError) else "is lost"
            notice(f"  an actor {what}; its portion is drawn here")
        finally:
            self.free.put(link)
        return self.here(epoch, start, end)


class Link:
    """A connection with an actor, made when it is needed, and anew where it broke.

    Args:
        ray: the module.
        actor: handle of a ``Drawer``.
        secret: the bytes that the actor expects first.
        n_datapoints: of a spectrum.
    """

    def __init__(self, ray, actor, secret, n_datapoints):
        self.ray, self.actor = ray, actor
        self.secret, self.n_datapoints = secret, n_datapoints
        self.connection, self.unused = None, []

    def connect(self):
        """Connect with the actor.

        Raises:
            OSError, ray.exceptions.RayError: if it cannot be reached.
        """
        address = self.ray.get(self.actor.address.remote())
        self.connection = socket.create_connection(address, timeout=REACHED)
        self.connection.settimeout(SILENT)
        self.connection.sendall(self.secret)

    def portion(self, epoch, start, end):
        """The spectra, float32 (n, n_datapoints), and the labels, int64 (n,), from ``start`` to
        ``end`` (exclusive) of an epoch.

        Raises:
            OSError, ray.exceptions.RayActorError: if the actor is lost.
        """
        spectra = self.memory(end - start)
        labels = np.empty(end - start, "int64")
        try:
            if not self.connection:
                self.connect()
            self.connection.sendall(ASKED.pack(epoch, start, end))
            for array in (spectra, labels):
                fill(array, self.connection)
        except OSError:
            self.close()
            raise
        return spectra, labels

    def memory(self, n):
        """An array for n spectra, in memory of a portion that nobody has any more, if there is one:
        new memory takes the system longer than a portion takes to come."""
        size = n * self.n_datapoints
        block = self.unused.pop() if self.unused else b""
        if len(block) < 4 * size:
            block = mmap.mmap(-1, 4 * size)
        spectra = np.frombuffer(block, "float32", size)

        # every array and tensor in this memory holds the base
        weakref.finalize(spectra.base, self.unused.append, block)
        return spectra.reshape(n, self.n_datapoints)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def fill(array, connection):
    """Fill an array with the bytes that come next.

    Raises:
        OSError: if the connection ends before.
    """
    rest = memoryview(array).cast("B")
    while rest:
        n = connection.recv_into(rest)
        if not n:
            raise ConnectionError("the other side has closed the connection")
        rest = rest[n:]


class Drawer:
    """Draws portions of a stream of spectra, as an actor on a node, for whoever knows its secret.

    Args:
        definitions: content of the resolved config.
        seed: random seed of the run.
        folder: in which files that the config names are looked for.
        secret: the bytes that a connection begins with.
    """

    def __init__(self, definitions, seed, folder, secret):
        from ray.util import get_node_ip_address

        os.chdir(folder)
        draw = partial(sources.stream(config.parse(definitions, "config")).batch, seed)
        self.server = served(draw, secret, get_node_ip_address())

    def address(self):
        """Host and port at which the portions are."""
        return self.server.server_address


def served(draw, secret, host):
    """A server of portions, in a thread of its own, at a port that the system chooses.

    Args:
        draw: function of (epoch, start, end) that gives spectra and labels.
        secret: the bytes that a connection begins with.
        host: address of this machine.
    """
    server = socketserver.ThreadingTCPServer((host, 0), Portions)
    server.draw, server.secret, server.daemon_threads = draw, secret, True
    server.drawing = threading.Lock()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Portions(socketserver.StreamRequestHandler):
    """Sends one portion after another through a connection: spectra, then labels."""

    disable_nagle_algorithm = True
    timeout = SILENT  # until the secret has come

    def handle(self):
        secret = self.server.secret
        # whoever asks may be gone at any time
        with suppress(OSError):
            if not hmac.compare_digest(self.rfile.read(len(secret)), secret):
                return
            self.connection.settimeout(None)
            while len(asked := self.rfile.read(ASKED.size)) == ASKED.size:
                # an actor has one core
                with self.server.drawing:
                    spectra, labels = self.server.draw(*ASKED.unpack(asked))
                self.wfile.write(np.ascontiguousarray(spectra, "float32"))
                self.wfile.write(np.ascontiguousarray(labels, "int64"))
