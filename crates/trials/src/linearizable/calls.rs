//! Calls of the contract, made and answered; and the bugs that are planted between a client and the service.

use parking_lot::Mutex;
use prost_types::FieldMask;
use std::collections::HashMap;
use std::sync::Arc;

use reform_api::data::v1;
use reform_api::data::v1::mutation::Mutation;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::error::{Reason, reason};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::history::{Answer, Call, Version, Write};
use crate::load::is_unknown;
use crate::process::soon;
use crate::records::{appeal, call, status};

/// A bug of a store, as its callers would see it. The checker must find each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A read answers what the record was when it was read first.
    StaleRead,
    /// An update does not look at its etag, so that the update before it is lost.
    EtagIgnored,
    /// A write is acknowledged and not stored.
    Vanished,
    /// One record of several is read as it was a commit before.
    HalfVisible,
    /// Of a commit of several only the first is stored.
    HalfStored,
}

/// Calls the service, with or without a bug between.
#[derive(Debug, Clone)]
pub struct Caller {
    channel: Channel,
    bug: Option<Bug>,
    /// What each name was when it was read first.
    first: Arc<Mutex<HashMap<String, Version>>>,
}

impl Caller {
    /// A caller over a connection.
    pub fn new(channel: Channel, bug: Option<Bug>) -> Self {
        Self { channel, bug, first: Arc::default() }
    }

    /// Over another connection, with the same bug.
    #[must_use]
    pub fn over(&self, channel: Channel) -> Self {
        Self { channel, ..self.clone() }
    }

    /// The answer, or none when the outcome is unknown.
    pub async fn call(&self, call: &Call) -> Option<Answer> {
        match soon("an answer", self.ask(call)).await {
            Ok(answer) => Some(answer),
            Err(status) => {
                let reason = reason(&status);
                let known = Reason::ALL.iter().find(|known| reason.as_deref() == Some(known.as_str()));
                match known {
                    Some(
                        refused @ (Reason::RecordExists
                        | Reason::RecordNotFound
                        | Reason::EtagMismatch
                        | Reason::RevisionAhead),
                    ) => Some(Answer::Refused(*refused)),
                    _ if is_unknown(&status) => None,
                    _ => panic!("{call:?}: {status:?}"),
                }
            }
        }
    }

    async fn ask(&self, call: &Call) -> Result<Answer, Status> {
        match (self.bug, call) {
            (Some(Bug::StaleRead), Call::Get { name, at: None }) => {
                let first = self.first.lock().get(name).cloned();
                let version = match first {
                    Some(version) => version,
                    None => self.get(name, None).await?,
                };
                self.first.lock().insert(name.clone(), version.clone());
                Ok(Answer::Got(version))
            }
            (Some(Bug::EtagIgnored), Call::Write { id, mutations }) => {
                let without = |(name, write): &(String, Write)| match write {
                    Write::Update { .. } => (name.clone(), Write::Update { etag: None }),
                    Write::Create | Write::Delete { .. } | Write::Undelete => (name.clone(), *write),
                };
                self.write(id, &mutations.iter().map(without).collect::<Vec<_>>()).await
            }
            (Some(Bug::Vanished), Call::Write { id, mutations }) if id.ends_with('0') => {
                let (_, head) = status(&self.channel).await;
                let version = Version::Live { revision: head + 1, value: id.clone() };
                Ok(Answer::Written { revision: head + 1, versions: vec![version; mutations.len()] })
            }
            (Some(Bug::HalfVisible), Call::GetAll { names }) => {
                let Answer::GotAll { revision, mut versions } = self.get_all(names).await? else {
                    unreachable!("of all names")
                };
                versions[0] = self.get(&names[0], Some(revision - 1)).await?;
                Ok(Answer::GotAll { revision, versions })
            }
            (Some(Bug::HalfStored), Call::Write { id, mutations }) => self.write(id, &mutations[..1]).await,
            (_, Call::Write { id, mutations }) => self.write(id, mutations).await,
            (_, Call::Get { name, at }) => self.get(name, *at).await.map(Answer::Got),
            (_, Call::GetAll { names }) => self.get_all(names).await,
        }
    }

    fn client(&self) -> RecordServiceClient<Channel> {
        RecordServiceClient::new(self.channel.clone())
    }

    async fn get(&self, name: &str, at: Option<i64>) -> Result<Version, Status> {
        let as_of = at.map(|revision| v1::AsOf {
            point: Some(v1::as_of::Point::Revision(revision)),
            ..v1::AsOf::default()
        });
        let request = v1::GetRecordRequest { name: name.to_owned(), as_of };
        match self.client().get_record(call(request)).await {
            Ok(record) => Ok(Version::from(record.get_ref())),
            Err(status) if status.code() == Code::NotFound => Ok(Version::Absent),
            Err(status) => Err(status),
        }
    }

    async fn get_all(&self, names: &[String]) -> Result<Answer, Status> {
        let request = v1::BatchGetRecordsRequest { names: names.to_vec(), as_of: None };
        let answer = self.client().batch_get_records(call(request)).await?.into_inner();
        let versions = answer.records.iter().map(Version::from).collect();
        Ok(Answer::GotAll { revision: answer.revision, versions })
    }

    async fn write(&self, id: &str, mutations: &[(String, Write)]) -> Result<Answer, Status> {
        let mut mutations: Vec<Mutation> =
            mutations.iter().map(|(name, write)| mutation(id, name, *write)).collect();
        let mut client = self.client();
        let record = match mutations.pop() {
            Some(last) if !mutations.is_empty() => {
                mutations.push(last);
                let mutations =
                    mutations.into_iter().map(|mutation| v1::Mutation { mutation: Some(mutation) });
                let request = v1::CommitRecordsRequest {
                    mutations: mutations.collect(),
                    reason: id.to_owned(),
                    ..v1::CommitRecordsRequest::default()
                };
                let answer = client.commit_records(call(request)).await?.into_inner();
                let versions = answer.records.iter().map(Version::from).collect();
                return Ok(Answer::Written { revision: answer.revision, versions });
            }
            Some(Mutation::Create(request)) => client.create_record(call(request)).await,
            Some(Mutation::Update(request)) => client.update_record(call(request)).await,
            Some(Mutation::Delete(request)) => client.delete_record(call(request)).await,
            Some(Mutation::Undelete(request)) => client.undelete_record(call(request)).await,
            None => panic!("a write of nothing"),
        };
        let record = record?.into_inner();
        Ok(Answer::Written { revision: record.revision, versions: vec![Version::from(&record)] })
    }
}

/// A write as a message: the id is its reason and the title that it gives.
fn mutation(id: &str, name: &str, write: Write) -> Mutation {
    let etag = |etag: Option<i64>| etag.map_or(String::new(), |revision| format!("\"{revision}\""));
    let (name, title, reason) = (name.to_owned(), id.to_owned(), id.to_owned());
    match write {
        Write::Create => {
            let record = v1::Record { name, title, ..appeal(id, 2023) };
            let record = Some(record);
            Mutation::Create(v1::CreateRecordRequest { record, reason, ..v1::CreateRecordRequest::default() })
        }
        Write::Update { etag: wanted } => {
            let record = v1::Record { name, title, etag: etag(wanted), ..v1::Record::default() };
            Mutation::Update(v1::UpdateRecordRequest {
                record: Some(record),
                update_mask: Some(FieldMask { paths: vec!["title".to_owned()] }),
                reason,
                ..v1::UpdateRecordRequest::default()
            })
        }
        Write::Delete { etag: wanted } => Mutation::Delete(v1::DeleteRecordRequest {
            name,
            etag: etag(wanted),
            reason,
            ..v1::DeleteRecordRequest::default()
        }),
        Write::Undelete => Mutation::Undelete(v1::UndeleteRecordRequest {
            name,
            reason,
            ..v1::UndeleteRecordRequest::default()
        }),
    }
}
