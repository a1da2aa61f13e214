//! Messages, clients and servers of the protocols that Lookaside speaks.
//!
//! Everything here is generated from `proto/`; the comments in the `.proto` files
//! are the documentation.

/// `grpc.lb.v1`: what stock clients speak to a balancer.
#[allow(missing_docs, clippy::all)]
pub mod lb {
    tonic::include_proto!("grpc.lb.v1");
}

/// `grpc.health.v1`: whether a server, or one of its services, serves.
#[allow(missing_docs, clippy::all)]
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}

/// `lookaside.v1`: inspection, control and registration.
#[allow(missing_docs, clippy::all)]
pub mod v1 {
    tonic::include_proto!("lookaside.v1");
}

/// `lookaside.demo.v1`: the demo backend.
#[allow(missing_docs, clippy::all)]
pub mod demo {
    tonic::include_proto!("lookaside.demo.v1");
}

/// `xds`: what backends report of their load (ORCA). The modules are nested as the packages
/// are, since generated code refers from one to the other.
#[allow(missing_docs, clippy::all)]
pub mod xds {
    pub mod data {
        pub mod orca {
            pub mod v3 {
                tonic::include_proto!("xds.data.orca.v3");
            }
        }
    }
    pub mod service {
        pub mod orca {
            pub mod v3 {
                tonic::include_proto!("xds.service.orca.v3");
            }
        }
    }
}

/// The encoded `FileDescriptorSet` of all that a balancer serves, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Path of the one method of `grpc.lb.v1.LoadBalancer`.
pub const BALANCE_LOAD_PATH: &str = "/grpc.lb.v1.LoadBalancer/BalanceLoad";

/// The binary trailer of a response with an [`xds::data::orca::v3::OrcaLoadReport`] (A51).
pub const LOAD_REPORT_TRAILER: &str = "endpoint-load-metrics-bin";

/// Request header that carries a slot's token to the backend. All stock clients use
/// this name.
pub const LB_TOKEN_HEADER: &str = "lb-token";
