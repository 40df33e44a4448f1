"""The ceiling of gRPC in Python: takes requests as bytes and throws them away. Prints its port."""

import signal
from concurrent.futures import ThreadPoolExecutor

import grpc


class Handler(grpc.GenericRpcHandler):
    """Answers any method with an empty message."""

    def service(self, handler_call_details):
        """The one method there is."""
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"")


server = grpc.server(
    ThreadPoolExecutor(4), [Handler()], options=[("grpc.max_receive_message_length", -1)]
)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
signal.signal(signal.SIGTERM, lambda *_: server.stop(None))
server.wait_for_termination()
