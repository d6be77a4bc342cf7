//! How a service is reached: in plaintext or by TLS, and how long the certificates are good.

use std::time::Duration;

use reform_api::client::Shown;
use reform_api::validity::{Standing, Validity};
use tonic::transport::Uri;

use super::finding::Finding;
use crate::args::Global;
use crate::client::Service;

/// How long a handshake may take.
const WITHIN: Duration = Duration::from_secs(5);
const RENEW: &str = "make new ones (`reform certs`) and put them in place of the files; no restart is needed";

/// What there is to say of the way to a service, whether or not somebody is there.
pub(super) async fn findings(global: &Global, service: Service) -> Vec<Finding> {
    let credentials = global.credentials();
    let mut findings = Vec::new();
    if let Some(own) = credentials.own_certificate().transpose() {
        let validity = own.map(|own| Validity::of(&own));
        findings.push(match validity {
            Ok(validity) => certificate(service, "own certificate", validity),
            Err(error) => Finding::fail(service, "own certificate", error.to_string(), "look at --tls-cert"),
        });
    }
    let Ok(uri) = global.url(service).parse::<Uri>() else { return findings };
    if uri.scheme_str() != Some("https") {
        findings.push(plaintext(service, &uri));
        return findings;
    }
    match tokio::time::timeout(WITHIN, credentials.look_at(&uri)).await {
        Ok(Ok(Shown { protocol, validity })) => {
            findings.push(Finding::ok(service, "tls", protocol));
            findings.push(certificate(service, "certificate", validity));
        }
        Ok(Err(error)) => {
            let advice = "the address must be a name in the certificate, and --tls-ca must sign it";
            findings.push(Finding::fail(service, "tls", error.to_string(), advice));
        }
        Err(_) => {
            let advice = "look at what stands between this machine and the service";
            findings.push(Finding::fail(service, "tls", format!("no handshake within {WITHIN:?}"), advice));
        }
    }
    findings
}

fn plaintext(service: Service, uri: &Uri) -> Finding {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    if host == "localhost" || address.is_ok_and(|ip| ip.to_canonical().is_loopback()) {
        return Finding::ok(service, "tls", "plaintext, within this machine");
    }
    Finding::warn(service, "tls", "plaintext", "give the service --tls-cert and --tls-key, and ask by https")
}

fn certificate(service: Service, check: &'static str, validity: Option<Validity>) -> Finding {
    let Some(validity) = validity else {
        return Finding::warn(service, check, "its dates cannot be read", RENEW);
    };
    match validity.now() {
        Standing::NotYet => {
            Finding::fail(service, check, "not valid yet", "look at the clocks of both machines")
        }
        Standing::Ended(days) => Finding::fail(service, check, format!("ended {days} days ago"), RENEW),
        Standing::Ends(days) => Finding::warn(service, check, format!("ends in {days} days"), RENEW),
        Standing::Good(days) => Finding::ok(service, check, format!("good for {days} days")),
    }
}
