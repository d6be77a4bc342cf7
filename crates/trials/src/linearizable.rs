//! Eight clients read and write a few names at once, while the service is killed and connections are cut; then a checker
//! decides whether there is an order that explains everything that they were told.
//!
//! In reading order: [`history`], what was asked and told; [`mod@check`], the checker, and [`broken`], what it finds;
//! [`calls`], the calls themselves, and the bugs that are planted between to show that the checker finds them.

pub mod broken;
pub mod calls;
pub mod check;
pub mod history;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::index;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use self::broken::Broken;
use self::calls::{Bug, Caller};
use self::check::{Checked, check};
use self::history::{Answer, Call, History, Version, Write};
use crate::chance::{Chance, moment, request_id};
use crate::feed;
use crate::process::soon;
use crate::proxy::Proxy;
use crate::records::{base, commit, status};
use crate::server::Server;

const CLIENTS: u64 = 8;
/// Names that are used at the same time; a new one takes the place of the oldest after so many operations of a client.
const NAMES: usize = 4;
const OPERATIONS_PER_NAME: usize = 12;
/// The share of answers that are cut, with the connection.
const CUT_SHARE: f64 = 0.01;
/// Kills of a round, and moments at which every connection is cut.
const KILLS: usize = 2;
const CUTS: usize = 3;
/// A kill comes within this time after the operation that it waits for.
const MOMENT_MAX: Duration = Duration::from_millis(10);
/// How far back a read of an older revision goes.
const BACK_MAX: i64 = 20;

/// How a round goes.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Operations of each client.
    pub operations: usize,
    /// Whether the service is killed and connections are cut.
    pub faults: bool,
    /// The bug that is planted.
    pub bug: Option<Bug>,
}

/// Runs rounds, each over a new store.
///
/// # Panics
/// When a history is not linearizable, or anything else is not as promised.
pub async fn run(trials: &Path, rounds: usize, operations: usize) {
    let chance = Chance::new("linearizable");
    let began = Instant::now();
    let (mut total, mut kills) = (Checked::default(), 0);
    for number in 1..=rounds {
        let plan = Round { operations, faults: true, bug: None };
        let (checked, killed) = round(trials, chance.round(number), plan).await;
        let Checked { placed, unknown_stored, without_effect } =
            checked.unwrap_or_else(|broken| panic!("round {number} is not linearizable: {broken}"));
        total.placed += placed;
        total.unknown_stored += unknown_stored;
        total.without_effect += without_effect;
        kills += killed;
        eprintln!("linearizable: round {number} of {rounds}, {} operations placed", total.placed);
    }
    eprintln!(
        "linearizable: {rounds} rounds of {CLIENTS} clients, all linearizable; {} operations in order, {} of them \
         writes with an unknown outcome that were stored; {} more with an unknown outcome and no effect; {kills} \
         kills, {} times all connections cut; {:.1} s",
        total.placed,
        total.unknown_stored,
        total.without_effect,
        rounds * CUTS,
        began.elapsed().as_secs_f64()
    );
}

/// Runs one round over a new store; what the checker says, and how often the service was killed.
pub async fn round(trials: &Path, chance: Chance, plan: Round) -> (Result<Checked, Broken>, usize) {
    let mut random = chance.part(0);
    let mut server = Server::new(trials);
    let channel = server.start().await;
    let history = Arc::new(History::default());
    begin(&channel, &history).await;
    let share = if plan.faults { CUT_SHARE } else { 0.0 };
    let proxy = Proxy::start(server.address(), share, chance.part(1)).await.expect("a proxy listens");
    let (up, gate) = watch::channel(true);
    let endpoint = Endpoint::from_shared(format!("http://{}", proxy.address())).expect("an address");
    let caller = Caller::new(endpoint.connect_lazy(), plan.bug);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client {
            caller: caller.over(endpoint.connect_lazy()),
            history: history.clone(),
            up: gate.clone(),
            random: chance.part(10 + number),
            newest: 1,
        };
        clients.spawn(client.run(plan.operations));
    }
    if plan.faults {
        disturb(&mut server, &proxy, &up, &history, &mut random, plan.operations).await;
    }
    while let Some(ended) = soon("a client ends", clients.join_next()).await {
        ended.expect("a client does not panic");
    }
    // The last kill may have been seen by nobody; what is read now is what is on disk.
    server.kill_after(Duration::ZERO).await;
    let channel = server.start().await;
    let (store_id, head) = status(&channel).await;
    let commits = feed::read(&channel, &store_id, head).await;
    let kills = server.kills.all();
    server.stop().await;
    (check(&history.take(), &commits), kills)
}

/// Writes what all records refer to, as the first operation.
async fn begin(channel: &Channel, history: &History) {
    const ID: &str = "base";
    let call = Call::Write {
        id: ID.to_owned(),
        mutations: ["records/source", "records/court"].map(|name| (name.to_owned(), Write::Create)).into(),
    };
    let mut request = base();
    ID.clone_into(&mut request.reason);
    for mutation in &mut request.mutations {
        if let Some(reform_api::data::v1::mutation::Mutation::Create(create)) = &mut mutation.mutation {
            ID.clone_into(&mut create.record.as_mut().expect("a creation has its record").title);
        }
    }
    let invoked = history.now();
    let revision = commit(channel, request).await;
    let versions = vec![Version::Live { revision, value: ID.to_owned() }; 2];
    history.ended(call, invoked, Some(Answer::Written { revision, versions }));
}

/// Kills the service and cuts connections, each after some operation of the clients.
async fn disturb(
    server: &mut Server,
    proxy: &Proxy,
    up: &watch::Sender<bool>,
    history: &History,
    random: &mut StdRng,
    operations: usize,
) {
    let all = operations * usize::try_from(CLIENTS).expect("few");
    let mut moments: Vec<usize> = index::sample(random, all, KILLS + CUTS).into_vec();
    let kills: Vec<usize> = moments[..KILLS].to_vec();
    moments.sort_unstable();
    for after in moments {
        soon("operations", history.reaches(after)).await;
        if !kills.contains(&after) {
            proxy.cut_all();
            continue;
        }
        server.kill_after(moment(random, MOMENT_MAX)).await;
        up.send_replace(false);
        server.start().await;
        up.send_replace(true);
    }
}

struct Client {
    caller: Caller,
    history: Arc<History>,
    /// Whether it makes sense to call.
    up: watch::Receiver<bool>,
    random: StdRng,
    /// The newest revision that it was told.
    newest: i64,
}

impl Client {
    async fn run(mut self, operations: usize) {
        let mut known = Vec::new();
        for number in 0..operations {
            let call = self.next(number, &known);
            soon("the service is up", self.up.wait_for(|up| *up)).await.expect("the round goes on");
            let invoked = self.history.now();
            let answer = self.caller.call(&call).await;
            if let (Call::Get { name, at: None }, Some(Answer::Got(version))) = (&call, &answer) {
                known.retain(|(other, _)| other != name);
                known.extend(version.revision().map(|revision| (name.clone(), revision)));
            }
            if let Some(Answer::Written { revision, .. } | Answer::GotAll { revision, .. }) = &answer {
                self.newest = self.newest.max(*revision);
            }
            self.history.ended(call, invoked, answer);
        }
    }

    /// Some call; `known` are names with the revisions that were read last.
    fn next(&mut self, number: usize, known: &[(String, i64)]) -> Call {
        let oldest = number / OPERATIONS_PER_NAME;
        let of = self.random.random_range(1..=3);
        let some = index::sample(&mut self.random, NAMES, of);
        let names: Vec<String> = some.iter().map(|place| format!("records/n{}", oldest + place)).collect();
        let name = names[0].clone();
        match self.random.random_range(0..20) {
            0..6 => Call::Get { name, at: None },
            6..8 => {
                let back = self.random.random_range(0..BACK_MAX);
                Call::Get { name, at: Some((self.newest - back).max(1)) }
            }
            8..10 => Call::GetAll { names },
            10..13 => self.write(names.into_iter(), known),
            _ => self.write(std::iter::once(name), known),
        }
    }

    fn write(&mut self, names: impl Iterator<Item = String>, known: &[(String, i64)]) -> Call {
        let id = request_id(&mut self.random);
        let mut some = |name: &String| {
            let etag = known.iter().find(|(other, _)| other == name).map(|(_, revision)| *revision);
            match self.random.random_range(0..10) {
                0..3 => Write::Create,
                3..6 => Write::Update { etag },
                6 => Write::Update { etag: None },
                7 => Write::Delete { etag },
                8 => Write::Delete { etag: None },
                _ => Write::Undelete,
            }
        };
        let mutations = names.map(|name| (name.clone(), some(&name))).collect();
        Call::Write { id, mutations }
    }
}
