//! `grpc.lb.v1.LoadBalancer`.

mod frame_reader;

pub(crate) use frame_reader::PREFIX_BYTES;
