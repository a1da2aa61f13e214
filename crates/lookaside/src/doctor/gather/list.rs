use lookaside_proto::{
    lb::{
        InitialLoadBalanceRequest, LoadBalanceRequest,
        load_balance_request::LoadBalanceRequestType as Request,
        load_balance_response::LoadBalanceResponseType as Response,
        load_balancer_client::LoadBalancerClient,
    },
    v1::Service,
};
use tonic::{Code, Status, transport::Channel};

use crate::{doctor::facts::ListAnswer, inspect::within, output::code_name};

/// Asks for a list as clients do: of `service`, or where there is none of a name that no
/// service has. A stream of one request: the balancer ends it when the list is sent.
pub(super) async fn ask(channel: Channel, service: Option<&Service>) -> Result<ListAnswer, String> {
    let name = service.map_or_else(String::new, |it| it.name.clone());
    let initial = InitialLoadBalanceRequest { name: name.clone() };
    let request = LoadBalanceRequest {
        load_balance_request_type: Some(Request::InitialRequest(initial)),
    };
    let mut client = LoadBalancerClient::new(channel);
    match answer(&mut client, request).await {
        Ok(Some(entries)) => Ok(ListAnswer::List(name, entries)),
        Ok(None) => Ok(ListAnswer::Fallback(name)),
        Err(status) if service.is_none() && status.code() == Code::InvalidArgument => {
            Ok(ListAnswer::Refused)
        }
        Err(status) => Err(format!(
            "{}: {}",
            code_name(status.code()),
            status.message()
        )),
    }
}

/// How many entries the first list has; `None`: fallback.
async fn answer(
    client: &mut LoadBalancerClient<Channel>,
    request: LoadBalanceRequest,
) -> Result<Option<usize>, Status> {
    let request = within(tokio_stream::once(request));
    let mut responses = client.balance_load(request).await?.into_inner();
    while let Some(response) = responses.message().await? {
        match response.load_balance_response_type {
            Some(Response::ServerList(list)) => return Ok(Some(list.servers.len())),
            Some(Response::FallbackResponse(_)) => return Ok(None),
            Some(Response::InitialResponse(_)) | None => {}
        }
    }
    Err(Status::data_loss("the stream ended without a list"))
}
