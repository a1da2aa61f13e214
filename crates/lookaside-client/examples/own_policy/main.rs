//! A channel with a policy of one's own: `policy.rs`, beside this file.
//!
//! `cargo run -p lookaside-client --example own_policy -- HOST:PORT...` calls echo backends,
//! as `lookaside backend` starts them, on behalf of a few customers.

mod policy;

use lookaside_client::Channel;
use lookaside_proto::demo::{EchoRequest, echo_client::EchoClient};
use tonic::Request;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let channel = Channel::builder("orders")
        .addresses(std::env::args().skip(1))
        .child_policy(policy::ByCustomer)
        .connect()
        .await?;
    let mut client = EchoClient::new(channel);
    for customer in ["ada", "grace", "ada", "grace", "ada"] {
        let mut request = Request::new(EchoRequest::default());
        let value = customer.parse()?;
        request.metadata_mut().insert("customer", value);
        let answer = client.echo(request).await?.into_inner();
        println!("{customer}: {}", answer.backend);
    }
    Ok(())
}
