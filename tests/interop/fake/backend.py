"""`lookaside.demo.v1.Echo`, and a registration without a lease."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from fake import wrong
from kit.protos import message

# How long clients get to leave before the listener closes.
_DRAIN_SECONDS = 1


def serve_backend(args, keys, ended):
    response = message("lookaside.demo.v1.EchoResponse")

    def echo(request, context):
        tokens = [value for key, value in context.invocation_metadata() if key == "lb-token"]
        return response(message=request.message, backend=args.name, lb_token="".join(tokens))

    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                "lookaside.demo.v1.Echo",
                {
                    "Echo": grpc.unary_unary_rpc_method_handler(
                        echo,
                        request_deserializer=message("lookaside.demo.v1.EchoRequest").FromString,
                        response_serializer=response.SerializeToString,
                    )
                },
            )
        ]
    )
    host, _, port = args.listen.rpartition(":")
    address = f"{host}:{server.add_insecure_port(f'{host}:{port}')}"
    server.start()
    key = f"services/{args.service}/{args.name}"
    if args.service:
        keys.put(key, {"Addr": address, "Metadata": {"weight": 100}})
    print(f"listening {address}", flush=True)
    ended.wait()
    if args.service and not wrong("stays-registered"):
        keys.delete(key)
        threading.Event().wait(_DRAIN_SECONDS)
    server.stop(grace=5).wait()
