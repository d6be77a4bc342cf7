//! Single reads and single durable writes, over a population that everybody holds.

use std::path::Path;

use anyhow::{Context, ensure};
use prost::Message;
use reform_api::data::v1;
use reform_api::data::v1::record_service_client::RecordServiceClient;

use super::{Bench, Part, Program};
use crate::calls::{self, Writes};
use crate::contest::{Contest, Target};
use crate::etcd::Etcd;
use crate::load::{self, Shape};
use crate::postgres::{Postgres, Rows};
use crate::report::{self, Row, Samples};
use crate::server::Service;
use crate::synthetic::{Appeals, COLLECTION, Draws};
use crate::upload::Upload;

/// Names that reads ask for.
const NAMES: u64 = 100_000;
/// Answers whose median size the echo's answer has, and etcd's values.
const ANSWERS_SAMPLED: usize = 1_001;

const ONE: Shape = Shape { connections: 1, streams: 1 };
const CLIENTS: Shape = Shape { connections: 16, streams: 1 };
pub(super) const MANY: Shape = Shape { connections: 8, streams: 100 };

/// Everybody, with the population.
struct Peers {
    service: Service,
    echo: Service,
    etcd: Option<Etcd>,
    postgres: Option<Postgres>,
    /// Names of the population.
    names: u64,
    /// What a read answers, of the median size.
    answer: v1::Record,
    /// What is written, to the service.
    writes: Writes,
}

impl Bench {
    /// Measures the parts that are calls.
    pub(super) async fn unary(&self) -> anyhow::Result<Vec<Row>> {
        let peers = self.peers().await?;
        let bytes = Samples::one(peers.answer.encoded_len() as f64);
        let mut rows = vec![Row::new("get_answer_bytes", "answer of GetRecord, bytes", bytes)];
        let (rounds, pace) = (self.args.rounds, self.pace);
        if self.measures(Part::Get) {
            rows.extend(peers.gets().run(rounds, pace).await?);
        }
        if self.measures(Part::Create) {
            rows.extend(
                peers.creates("_800", "durable CreateRecord, 8 × 100", MANY).run(rounds, pace).await?,
            );
            rows.extend(peers.creates("_1", "durable CreateRecord, 1 × 1", ONE).run(rounds, pace).await?);
            rows.extend(peers.creates_and_inserts().run(rounds, pace).await?);
        }
        let Peers { service, echo, etcd, postgres, .. } = peers;
        if let Some(postgres) = postgres {
            postgres.stop().await?;
        }
        if let Some(etcd) = etcd {
            etcd.stop().await?;
        }
        echo.stop().await?;
        service.stop().await?;
        Ok(rows)
    }

    /// The service over a new folder, with so many appeals.
    pub(super) async fn filled(&self, folder: &Path, names: u64) -> anyhow::Result<Service> {
        let service = Service::data(folder).await?;
        Upload::surroundings().send(service.channel().await?).await.context("institutions")?;
        Upload::appeals(&self.appeals, 1, names).send(service.channel().await?).await?;
        Ok(service)
    }

    async fn peers(&self) -> anyhow::Result<Peers> {
        let names = self.args.records.min(NAMES);
        report::progress(&format!("{names} appeals for everybody"));
        let service = self.filled(&self.folder.join("unary"), names).await?;
        let answer = typical_answer(&service, names).await?;
        let etcd = if self.beside(Program::Etcd) {
            let folder = self.folder.join("etcd");
            let etcd = Etcd::start(&folder).await?;
            let value = answer.encode_to_vec().into();
            let filled = load::to_the_end(etcd.address, MANY, calls::put_all(names, value)).await;
            filled.context("etcd cannot be filled")?;
            // After many writes every read copies an empty buffer of their size, until some other write is committed: a
            // twentieth of the speed. A new start reads as fast as etcd can.
            etcd.stop().await?;
            Some(Etcd::start(&folder).await?)
        } else {
            None
        };
        let postgres = if self.measures(Part::Create) && self.beside(Program::Postgresql) {
            let postgres = Postgres::start(&self.folder).await?;
            postgres.copy(&Rows::appeals(&self.appeals, names)?).await?;
            Some(postgres)
        } else {
            None
        };
        let echo = Service::echo(&answer, None).await?;
        let writes = Writes::from(&self.appeals, names + 1);
        Ok(Peers { service, echo, etcd, postgres, names, answer, writes })
    }
}

impl Peers {
    fn gets(&self) -> Contest {
        let asked = || calls::get(self.names);
        let contest = Contest::new("get", "", "GetRecord, 8 × 100", MANY)
            .side("service", self.service.target(asked()))
            .side("echo", self.echo.target(asked()));
        match &self.etcd {
            Some(etcd) => {
                let asked = calls::range(self.names, self.answer.encoded_len());
                contest.side("etcd", etcd.target(asked))
            }
            None => contest,
        }
    }

    fn creates(&self, suffix: &'static str, label: &'static str, shape: Shape) -> Contest {
        // Those who do not share the service's store do not share its names.
        let own = || self.writes.again(self.names + 1);
        let contest = Contest::new("create", suffix, label, shape)
            .side("service", self.service.target(calls::create(self.writes.clone())))
            .side("echo", self.echo.target(calls::create(own())));
        match &self.etcd {
            Some(etcd) => contest.side("etcd", etcd.target(calls::put(own()))),
            None => contest,
        }
    }

    fn creates_and_inserts(&self) -> Contest {
        let contest = Contest::new("create", "_16", "durable CreateRecord, 16 × 1", CLIENTS)
            .side("service", self.service.target(calls::create(self.writes.clone())));
        match &self.postgres {
            Some(postgres) => {
                let writes = self.writes.again(self.names + 1);
                contest.side("pg", Target::Postgres(postgres.socket(), writes))
            }
            None => contest,
        }
    }
}

/// An answer of the median size among many.
async fn typical_answer(service: &Service, names: u64) -> anyhow::Result<v1::Record> {
    let mut client = RecordServiceClient::new(service.channel().await?);
    let mut draws = Draws::new(0);
    let mut answers = Vec::with_capacity(ANSWERS_SAMPLED);
    for _ in 0..ANSWERS_SAMPLED {
        let name = format!("{COLLECTION}{}", Appeals::id(1 + draws.below(names)));
        let request = v1::GetRecordRequest { name: name.clone(), as_of: None };
        let answer = client.get_record(request).await.context("a stored appeal cannot be read")?.into_inner();
        ensure!(answer.name == name, "asked for {name}, got {}", answer.name);
        answers.push(answer);
    }
    answers.sort_by_key(Message::encoded_len);
    Ok(answers.swap_remove(ANSWERS_SAMPLED / 2))
}
