//! Every method with every sort of credential.

use std::time::Duration;

use reform_api::data::v1::WatchChangesRequest;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use reform_api::error::{Reason, reason};
use reform_api::roles::{Access, METHODS, REFUSALS, Role, access};
use serde_json::{Value, json};
use tonic::{Code, Request};

use super::pair::{Pair, call, static_token, status};
use super::signer::{AUDIENCE, Signer, but, claims, encode, now};

const GET_RECORD: &str = "/reform.data.v1.RecordService/GetRecord";

/// What an empty message is answered with when the caller may ask.
fn answer(path: &str) -> Code {
    let (_, method) = path.rsplit_once('/').unwrap();
    match method {
        "BatchGetRecords"
        | "ListRecords"
        | "CountRecords"
        | "ExportRecords"
        | "WatchChanges"
        | "GetStatus"
        | "CreateBackup"
        | "VerifyStore"
        | "CompactHistory"
        | "BatchQueryIndicators"
        | "ListIndicators"
        | "ListConflicts"
        | "Check"
        | "Watch" => Code::Ok,
        _ => Code::InvalidArgument,
    }
}

/// A credential that is no good, as [`REFUSALS`] calls it; none is none at all.
fn bad(what: &str, signer: &Signer, unknown: &Signer) -> Option<String> {
    let good = || claims("somebody", &["admin"]);
    let forged = {
        let token = signer.sign(&good());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let other = signer.sign(&claims("else", &["admin"]));
        assert_ne!(other.rsplit_once('.').unwrap().1, signature);
        format!("{message}.{}", other.rsplit_once('.').unwrap().1)
    };
    let but = |claim, value| signer.sign(&but(good(), claim, value));
    match what {
        "no token" => None,
        "wrong signature" => Some(forged),
        "no aud" => Some(but("aud", None)),
        "no iss" => Some(but("iss", None)),
        "expired by 31 s" => Some(but("exp", Some(json!(now() - 31.0)))),
        "nbf in an hour" => Some(but("nbf", Some(json!(now() + 3_600.0)))),
        "unknown key" => Some(unknown.sign(&good())),
        "9 KiB" => Some(but("pad", Some(json!("x".repeat(9 << 10))))),
        _ => panic!("no credential is made for {what}"),
    }
}

#[tokio::test]
async fn every_method_with_every_credential_gives_the_stated_code() {
    let signers = [Signer::ed25519("ed"), Signer::p256("ec"), Signer::rsa("rsa")];
    let pair = Pair::start(&signers.each_ref()).await;
    let unknown = Signer::ed25519("other");
    let (role_required, no_good) = REFUSALS.split_last().unwrap();
    // Each of them for every key.
    let bad = no_good.iter().flat_map(|(what, reason)| {
        signers.iter().map(|signer| (*what, *reason, bad(what, signer, &unknown))).collect::<Vec<_>>()
    });
    let bad: Vec<_> = bad.collect();
    for (path, needed) in METHODS {
        let link = pair.link(path);
        let open = *needed == Access::Open;
        let told = |reason: Reason| {
            if open { (Code::Ok, None) } else { (reason.code(), Some(reason.as_str().to_owned())) }
        };
        for (what, reason, token) in &bad {
            assert_eq!(call(link, path, token.as_deref()).await, told(*reason), "{path}: {what}");
        }
        for role in Role::ALL {
            let allowed = match needed {
                Access::Open => true,
                Access::Needs(needed) => role.includes(*needed),
            };
            let signed = signers.iter().map(|signer| signer.sign(&claims("somebody", &[role.as_str()])));
            for token in signed.chain([static_token(role.as_str())]) {
                let answered = call(link, path, Some(&token)).await;
                if allowed {
                    assert_eq!(answered.0, answer(path), "{path}: {role}: {:?}", answered.1);
                } else {
                    assert_eq!(answered, told(role_required.1), "{path}: {role}");
                }
            }
        }
    }
    pair.stop().await;
}

#[tokio::test]
async fn what_else_may_be_wrong_with_a_token_is_no_better() {
    let signer = Signer::ed25519("ed");
    let pair = Pair::start(&[&signer]).await;
    let good = || claims("somebody", &["reader"]);
    let ok = async |header: &str| status(pair.data.clone(), GET_RECORD, Some(header.to_owned())).await;
    let table: [(&str, Option<Value>, bool); 12] = [
        ("aud", Some(json!(["else", AUDIENCE])), true),
        ("aud", Some(json!(["else"])), false),
        ("aud", Some(json!([])), false),
        ("iss", Some(json!("https://else.test")), false),
        ("sub", None, false),
        ("sub", Some(json!("two words")), false),
        ("exp", None, false),
        ("exp", Some(json!("tomorrow")), false),
        ("exp", Some(json!(1e300)), false),
        ("exp", Some(json!(now() - 29.0)), true),
        ("nbf", Some(json!(now() + 29.0)), true),
        ("nbf", Some(json!(now() + 31.0)), false),
    ];
    for (claim, value, passes) in table {
        let token = signer.sign(&but(good(), claim, value.clone()));
        let status = ok(&format!("Bearer {token}")).await;
        let expected = if passes { Code::InvalidArgument } else { Code::Unauthenticated };
        assert_eq!(status.code(), expected, "{claim}: {value:?}");
    }
    let jwk = signer.jwk();
    for header in [
        json!({"alg": "none", "kid": "ed"}),
        json!({"alg": "HS256", "kid": "ed"}),
        json!({"alg": "ES256", "kid": "ed"}),
        json!({"alg": "EdDSA"}),
        json!({"alg": "EdDSA", "kid": "new", "jwk": jwk}),
        json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"]}),
    ] {
        let token = signer.sign_with(&header, &good());
        assert_eq!(ok(&format!("Bearer {token}")).await.code(), Code::Unauthenticated, "{header}");
    }
    let unsigned = format!("{}.{}.", encode(br#"{"alg":"none","kid":"ed"}"#), encode(b"{}"));
    for header in ["", "Bearer", "Bearer ", "Basic eA==", "Bearer x", "Bearer ..", "Bearer a.b.c"]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("Bearer {unsigned}"), signer.sign(&good())])
    {
        let status = ok(&header).await;
        assert_eq!(reason(&status).as_deref(), Some("TOKEN_INVALID"), "{header}");
        assert_eq!(status.message(), "the credential is not valid", "{header}");
    }
    assert_eq!(ok(&format!("bearer {}", signer.sign(&good()))).await.code(), Code::InvalidArgument);
    pair.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let signer = Signer::ed25519("ed");
    let pair = Pair::start(&[&signer]).await;
    // With 30 s of leeway it is valid for another moment.
    let token = signer.sign(&but(claims("somebody", &["reader"]), "exp", Some(json!(now() - 29.0))));
    let mut request = Request::new(WatchChangesRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut feed =
        ChangeServiceClient::new(pair.data.clone()).watch_changes(request).await.unwrap().into_inner();
    let end = async {
        loop {
            if let Err(end) = feed.message().await {
                return end;
            }
        }
    };
    let end = tokio::time::timeout(Duration::from_secs(60), end).await.unwrap();
    assert_eq!((end.code(), reason(&end).as_deref()), (Code::Unauthenticated, Some("TOKEN_INVALID")));
    pair.stop().await;
}

#[tokio::test]
async fn a_method_in_no_table_is_for_nobody() {
    let pair = Pair::start(&[&Signer::ed25519("ed")]).await;
    let path = "/reform.data.v1.RecordService/EraseAll";
    assert_eq!(access(path), None);
    let admin = static_token("admin");
    assert_eq!(call(&pair.data, path, Some(&admin)).await.0, Code::PermissionDenied);
    pair.stop().await;
}

#[tokio::test]
async fn tokens_follow_their_file() {
    let pair = Pair::start(&[&Signer::ed25519("ed")]).await;
    let reader = static_token("reader");
    assert_eq!(call(&pair.data, GET_RECORD, Some(&reader)).await.0, Code::InvalidArgument);
    std::fs::write(pair.path("tokens"), "# nobody\n").unwrap();
    let revoked =
        async { while call(&pair.data, GET_RECORD, Some(&reader)).await.0 != Code::Unauthenticated {} };
    tokio::time::timeout(Duration::from_secs(10), revoked).await.expect("within ten seconds");
    pair.stop().await;
}
