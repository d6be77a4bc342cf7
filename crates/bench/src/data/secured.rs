//! What it costs to ask callers who they are: the same reads of services that do and of one that does not.

use anyhow::Context;

use super::Bench;
use super::unary::MANY;
use crate::calls;
use crate::contest::{Contest, Target};
use crate::report::{self, Row};
use crate::secrets::{Asks, Secrets};
use crate::server::Service;

/// Names that reads ask for.
const NAMES: u64 = 10_000;

impl Bench {
    /// Measures each sort of credential beside none.
    pub(super) async fn secured(&self) -> anyhow::Result<Vec<Row>> {
        let folder = self.folder.join("secrets");
        let secrets = Secrets::make(&folder).context("certificates and tokens cannot be made")?;
        let names = self.args.records.min(NAMES);
        report::progress(&format!("{names} appeals for services that ask who calls"));
        let mut rows = Vec::new();
        for (asks, stem, label) in [
            (Asks::Certificate, "tls", "GetRecord by mutual TLS with roles"),
            (Asks::Token, "token", "GetRecord with a token"),
            (Asks::Signed, "jwt", "GetRecord with a signed token"),
        ] {
            let store = self.folder.join(stem);
            self.filled(&store, names).await?.stop().await?;
            let asking = Service::data_asking(&store, asks, &folder).await?;
            let plain = self.filled(&self.folder.join(format!("{stem}-plain")), names).await?;
            let peer = secrets.show(asks, asking.address());
            let contest = Contest::new(stem, "", label, MANY)
                .by_processor()
                .side("asked", Target::Grpc(peer, asking.pid(), calls::get(names)))
                .side("plain", plain.target(calls::get(names)));
            rows.extend(contest.run(self.args.rounds, self.pace).await?);
            asking.stop().await?;
            plain.stop().await?;
        }
        Ok(rows)
    }
}
