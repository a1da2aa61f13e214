use std::{
    io::{self, Write},
    net::SocketAddr,
};

/// Says how to look at what runs.
pub(super) fn write_hints(
    out: &mut impl Write,
    service: &str,
    client: SocketAddr,
    admin: SocketAddr,
) -> io::Result<()> {
    writeln!(
        out,
        "
It goes on until Ctrl-C. To look inside, from another terminal:

  lookaside watch {service} --balancer {client}
  grpcurl -plaintext {client} list
  grpcurl -plaintext -d '{{\"name\":\"{service}\"}}' {client} lookaside.v1.Inspect/GetService
  grpcurl -plaintext -d '{{\"initial_request\":{{\"name\":\"{service}\"}}}}' \\
    {client} grpc.lb.v1.LoadBalancer/BalanceLoad
  curl http://{admin}/metrics"
    )
}
