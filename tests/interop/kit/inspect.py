"""What the balancer says of itself, through `lookaside.v1.Inspect`."""

import grpc

from kit.protos import message

_TIMEOUT = 5  # seconds


class Inspect:
    """The inspection service of one balancer."""

    def __init__(self, address):
        self._channel = grpc.insecure_channel(
            address,
            options=[("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)],
        )

    def _call(self, method, request, response, **fields):
        call = self._channel.unary_unary(
            f"/lookaside.v1.Inspect/{method}",
            request_serializer=lambda sent: sent.SerializeToString(),
            response_deserializer=message(f"lookaside.v1.{response}").FromString,
        )
        return call(message(f"lookaside.v1.{request}")(**fields), timeout=_TIMEOUT)

    def service(self, name):
        """The service, or None when the balancer does not know it."""
        try:
            return self._call("GetService", "GetServiceRequest", "Service", name=name)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return None
            raise

    def streams(self, name):
        """How many clients hold a stream for the service."""
        service = self.service(name)
        return service.streams if service else 0

    def tokens(self, name):
        """Token, without a stream's variant, by backend id."""
        service = self.service(name)
        return {backend.id: backend.token for backend in service.backends} if service else {}

    def reported(self, name):
        """The sums of what clients reported."""
        service = self.service(name)
        return service.reported if service else message("lookaside.v1.LoadReport")()

    def close(self):
        self._channel.close()
