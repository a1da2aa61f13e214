use lookaside_proto::v1;
use tonic::{Request, Status};

use super::{audit::Order, request};
use crate::{
    Permission::Control,
    access::peer_of,
    reload::{ReloadOutcome, Reloaded, Reloads},
};

/// Reads files again. It concerns all services, so it takes whoever may control them all.
pub(super) async fn reload(
    reloads: &Reloads,
    request: Request<v1::ReloadRequest>,
    order: &mut Order,
) -> Result<v1::ReloadResponse, Status> {
    peer_of(&request)?.check_all(Control)?;
    let request = request.into_inner();
    request::note(&request.by, &request.reason)?;
    let files = reloads.all().await;
    order.value = summary(&files);
    Ok(v1::ReloadResponse {
        files: files.into_iter().map(described).collect(),
    })
}

/// `tls.cert same, tokens.keys changed`
fn summary(files: &[Reloaded]) -> String {
    let all: Vec<_> = files
        .iter()
        .map(|it| format!("{} {}", it.what, it.outcome))
        .collect();
    match all.is_empty() {
        true => "no files".to_owned(),
        false => all.join(", "),
    }
}

fn described(it: Reloaded) -> v1::Reloaded {
    use v1::reloaded::Outcome;
    v1::Reloaded {
        outcome: match it.outcome {
            ReloadOutcome::Same => Outcome::Same,
            ReloadOutcome::Changed => Outcome::Changed,
            ReloadOutcome::Failed => Outcome::Failed,
            ReloadOutcome::NeedsRestart => Outcome::NeedsRestart,
        }
        .into(),
        what: it.what,
        file: it.file,
        detail: it.detail,
    }
}
