use lookaside_proto::lb::{
    LoadBalanceResponse, load_balance_response::LoadBalanceResponseType as Kind,
};

use super::{GrpclbSettings, list::List, stream::report_interval};

/// Reads what a balancer may send as the policy does.
///
/// # Panics
/// When something of a list was neither used nor refused.
pub fn fuzz_response(response: LoadBalanceResponse) {
    match response.load_balance_response_type {
        Some(Kind::ServerList(sent)) => {
            let list = List::new(&sent);
            let passes = sent.servers.iter().filter(|server| !server.drop).count();
            assert_eq!(list.slots.len(), sent.servers.len());
            assert!(list.backends.len() <= passes);
            assert!(passes - list.backends.len() <= list.problems.len());
            assert_eq!(list.is_empty(), sent.servers.is_empty());
            assert_eq!(list.backends().is_some(), passes > 0);
        }
        Some(Kind::InitialResponse(initial)) => {
            let least = GrpclbSettings::MIN_REPORT_INTERVAL;
            let asked = initial.client_stats_report_interval.as_ref();
            if let Some(interval) = report_interval(asked, least) {
                assert!(interval >= least);
            }
        }
        Some(Kind::FallbackResponse(_)) | None => {}
    }
}
