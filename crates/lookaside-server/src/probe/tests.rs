mod fixture;
mod grpc;
mod tcp;
mod tls;
