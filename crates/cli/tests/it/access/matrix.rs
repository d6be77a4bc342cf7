//! Every method with every sort of credential.

use std::time::Duration;

use reform_api::data::v1::WatchChangesRequest;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use reform_api::error::reason;
use reform_api::roles::{Access, METHODS, Role, access};
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

/// Credentials that are no good.
fn bad(signer: &Signer, unknown: &Signer) -> Vec<(&'static str, String)> {
    let good = || claims("somebody", &["admin"]);
    let forged = {
        let token = signer.sign(&good());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let other = signer.sign(&claims("else", &["admin"]));
        assert_ne!(other.rsplit_once('.').unwrap().1, signature);
        format!("{message}.{}", other.rsplit_once('.').unwrap().1)
    };
    vec![
        ("wrong signature", forged),
        ("no aud", signer.sign(&but(good(), "aud", None))),
        ("no iss", signer.sign(&but(good(), "iss", None))),
        ("expired by 31 s", signer.sign(&but(good(), "exp", Some(json!(now() - 31.0))))),
        ("nbf in an hour", signer.sign(&but(good(), "nbf", Some(json!(now() + 3_600.0))))),
        ("unknown key", unknown.sign(&good())),
        ("9 KiB", signer.sign(&but(good(), "pad", Some(json!("x".repeat(9 << 10)))))),
    ]
}

#[tokio::test]
async fn every_method_with_every_credential_gives_the_stated_code() {
    let (ed, ec) = (Signer::ed25519("ed"), Signer::p256("ec"));
    let pair = Pair::start(&[&ed, &ec]).await;
    let bad = bad(&ed, &Signer::ed25519("other"));
    for (path, needed) in METHODS {
        let link = pair.link(path);
        let open = *needed == Access::Open;
        let expect =
            |code, reason: &str| if open { (Code::Ok, None) } else { (code, Some(reason.to_owned())) };
        let missing = expect(Code::Unauthenticated, "TOKEN_MISSING");
        assert_eq!(call(link, path, None).await, missing, "{path}: no token");
        for (what, token) in &bad {
            let invalid = expect(Code::Unauthenticated, "TOKEN_INVALID");
            assert_eq!(call(link, path, Some(token)).await, invalid, "{path}: {what}");
        }
        for role in Role::ALL {
            let allowed = match needed {
                Access::Open => true,
                Access::Needs(needed) => role.includes(*needed),
            };
            let by = |signer: &Signer| signer.sign(&claims("somebody", &[role.as_str()]));
            for token in [by(&ed), by(&ec), static_token(role.as_str())] {
                let (code, reason) = call(link, path, Some(&token)).await;
                if allowed {
                    // What a later release brings refuses nobody, and does nothing.
                    let later = reason.as_deref() == Some("NOT_IMPLEMENTED");
                    assert!(later || code == answer(path), "{path}: {role}: {code:?} {reason:?}");
                } else {
                    let refused = expect(Code::PermissionDenied, "ROLE_REQUIRED");
                    assert_eq!((code, reason), refused, "{path}: {role}");
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
