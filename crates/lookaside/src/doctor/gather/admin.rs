use lookaside_core::HostPort;
use lookaside_proto::v1::{ListOverridesRequest, control_client::ControlClient};
use lookaside_tls::ClientTls;
use tonic::Code;

use crate::{
    doctor::facts::{AdminFacts, ControlAnswer},
    inspect::{channel, within},
    output::code_name,
};

/// Asks each admin port for what operators ordered, which changes nothing.
pub(super) async fn ask(admins: Vec<HostPort>, tls: Option<&ClientTls>) -> Vec<AdminFacts> {
    let mut facts = Vec::new();
    for address in admins {
        let control = control(&address, tls.cloned()).await;
        facts.push(AdminFacts { address, control });
    }
    facts
}

async fn control(address: &HostPort, tls: Option<ClientTls>) -> ControlAnswer {
    let channel = match channel(address, tls).await {
        Ok(channel) => channel,
        Err(error) => return ControlAnswer::Failed(error.root_cause().to_string()),
    };
    let request = within(ListOverridesRequest::default());
    match ControlClient::new(channel).list_overrides(request).await {
        Ok(answer) => ControlAnswer::Answers(answer.into_inner().overrides.len()),
        Err(status) => match status.code() {
            Code::PermissionDenied | Code::Unauthenticated => {
                ControlAnswer::Denied(status.message().to_owned())
            }
            // A registry without overrides says so in other words.
            Code::Unimplemented if status.message().starts_with("no service") => {
                ControlAnswer::Absent
            }
            Code::Unimplemented => ControlAnswer::Answers(0),
            code => ControlAnswer::Failed(format!("{}: {}", code_name(code), status.message())),
        },
    }
}
