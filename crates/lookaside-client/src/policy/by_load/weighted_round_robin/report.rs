use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::HeaderMap;
use lookaside_core::weight_of_report;
use lookaside_proto::{LOAD_REPORT_TRAILER, xds::data::orca::v3::OrcaLoadReport};
use prost::Message;

use super::WeightedRoundRobin;

/// The base64 of gRPC's binary headers: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Longer reports are not read: a report of all the numbers that anybody could weigh by is
/// a tenth of it, and every call brings one.
const LONGEST: usize = 4096;

/// What a report says that its backend should get, if it does (A58, A114).
pub(super) fn weight(report: &OrcaLoadReport, settings: &WeightedRoundRobin) -> Option<f64> {
    weight_of_report(
        report.rps_fractional,
        report.eps,
        utilization(report, settings.metric_names()),
        settings.error_penalty(),
    )
}

/// How busy the backend is. What is not a number above zero is not said.
fn utilization(report: &OrcaLoadReport, metric_names: &[Box<str>]) -> f64 {
    let said = |figure: &f64| figure.is_finite() && *figure > 0.0;
    if said(&report.application_utilization) {
        return report.application_utilization;
    }
    let named = metric_names.iter().filter_map(|name| match &**name {
        "application_utilization" => Some(report.application_utilization),
        "cpu_utilization" => Some(report.cpu_utilization),
        "mem_utilization" => Some(report.mem_utilization),
        other => {
            let key = other.strip_prefix("named_metrics.")?;
            report.named_metrics.get(key).copied()
        }
    });
    named
        .filter(said)
        .max_by(f64::total_cmp)
        .unwrap_or(report.cpu_utilization)
}

/// The report among a response's trailers. Allocates only for metrics with a name.
pub(super) fn read(trailers: &HeaderMap) -> Option<OrcaLoadReport> {
    let encoded = trailers.get(LOAD_REPORT_TRAILER)?.as_bytes();
    let mut bytes = [0; LONGEST];
    let length = BASE64.decode_slice(encoded, &mut bytes).ok()?;
    OrcaLoadReport::decode(&bytes[..length]).ok()
}

#[cfg(test)]
mod tests;
