//! PostgreSQL as its Debian package brings it, over a temporary folder, with its default durability. Clients come through
//! its Unix socket, the cheapest way to it.

mod session;

use std::fs::File;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use postgres_protocol::message::frontend;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use self::session::Session;
use crate::calls::{Appeal, Writes};
use crate::load::{self, Answers, Pace, Round, Shape, Window};
use crate::programs;
use crate::synthetic::{Appeals, COLLECTION};

/// The user of the Debian package: PostgreSQL refuses to run as root.
const USER: &str = "postgres";
/// How long a start, and a stop, may take.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How long to wait before asking again whether it is there.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How long the last answers, and a whole COPY, may take.
const LAST_ANSWERS: Duration = Duration::from_secs(30);
const COPY_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Rows that are sent at once.
const ROWS_AT_ONCE: usize = 1_000;
const KIND: &str = "appeal";
/// The day from which it counts days.
const FIRST_DAY: jiff::civil::Date = jiff::civil::date(2000, 1, 1);

const TABLE: &str = "CREATE TABLE record (
    id text PRIMARY KEY, kind text NOT NULL, main_date date NOT NULL, institution text NOT NULL, body bytea NOT NULL);
CREATE INDEX ON record (kind, main_date);
CREATE INDEX ON record (institution, main_date)";
const COPY: &str = "COPY record FROM STDIN (FORMAT binary)";
const COPY_SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const COPY_END: i16 = -1;

/// A running PostgreSQL with one table.
#[derive(Debug)]
pub(crate) struct Postgres {
    child: Child,
    /// Of its own, because it runs under its own user.
    folder: TempDir,
}

/// Rows for a COPY, encoded.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    messages: Vec<Bytes>,
    count: u64,
}

impl Postgres {
    /// Starts PostgreSQL over a new folder beside `folder` and makes the table.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let missing = "PostgreSQL is missing: apt-get install postgresql, or --without postgresql";
        let (initdb, server) = programs::find("initdb").zip(programs::find("postgres")).context(missing)?;
        let beside = folder.parent().context("a folder without a parent")?;
        let folder = TempDir::with_prefix_in("reform-bench-postgresql-", beside)?;
        let root = folder.path().metadata()?.uid() == 0;
        if root {
            let ids = [id("-u").await?, id("-g").await?];
            chown(folder.path(), Some(ids[0]), Some(ids[1]))?;
        }
        let log = File::create(folder.path().join("log"))?;
        let command = |program: &PathBuf| -> anyhow::Result<Command> {
            let mut command = if root {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", USER, "--regid", USER, "--init-groups"]).arg(program);
                command
            } else {
                Command::new(program)
            };
            command.arg("-D").arg(folder.path().join("data")).current_dir(folder.path());
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
            Ok(command)
        };
        let mut initdb = command(&initdb)?;
        // Text in the order of its bytes: the cheapest there is, and the same on every machine.
        initdb.args(["-A", "trust", "-U", USER, "--encoding", "UTF8", "--locale", "C"]);
        let made = initdb.status().await?;
        ensure!(made.success(), "initdb ended with {made}");
        let mut server = command(&server)?;
        server.arg("-k").arg(folder.path()).args(["-c", "listen_addresses="]).kill_on_drop(true);
        let child = server.spawn().context("PostgreSQL does not start")?;
        let mut postgres = Self { child, folder };
        postgres.ready().await?.run(TABLE).await?;
        Ok(postgres)
    }

    async fn ready(&mut self) -> anyhow::Result<Session> {
        let started = Instant::now();
        loop {
            let ended = self.child.try_wait()?;
            ensure!(ended.is_none(), "PostgreSQL ended before it answered: {ended:?}");
            match Session::open(&self.socket()).await {
                Ok(session) => return Ok(session),
                Err(error) if started.elapsed() > TIMEOUT => return Err(error),
                Err(_) => tokio::time::sleep(ASK_AGAIN).await,
            }
        }
    }

    /// The address of its clients.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    /// Empties the table, and leaves nothing for later.
    ///
    /// # Errors
    /// When it refuses.
    pub(crate) async fn empty(&self) -> anyhow::Result<()> {
        let mut session = Session::open(&self.socket()).await?;
        session.run("TRUNCATE record").await?;
        session.run("CHECKPOINT").await
    }

    /// Copies rows into the table; rows per second.
    ///
    /// # Errors
    /// When it refuses.
    pub(crate) async fn copy(&self, rows: &Rows) -> anyhow::Result<f64> {
        let (socket, rows) = (self.socket(), rows.clone());
        load::on_one_thread(COPY_TIMEOUT, async move {
            let mut session = Session::open(&socket).await?;
            let started = Instant::now();
            session.copy(COPY, &rows.messages).await?;
            Ok(rows.count as f64 / started.elapsed().as_secs_f64())
        })
        .await
    }

    /// Stops it and waits for its end.
    ///
    /// # Errors
    /// When it takes too long.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(pid.context("PostgreSQL has ended")?, Signal::INT)?;
        tokio::time::timeout(TIMEOUT, self.child.wait()).await.context("PostgreSQL does not stop")??;
        self.folder.close().context("cannot remove the folder of PostgreSQL")
    }
}

/// Single inserts in a closed loop, one under way on each connection, each a transaction.
///
/// # Errors
/// The first that fails.
pub(crate) async fn inserts(
    socket: PathBuf,
    shape: Shape,
    pace: Pace,
    writes: Writes,
) -> anyhow::Result<Round> {
    let longest = pace.warm_up + pace.measured + LAST_ANSWERS;
    let answers = load::on_one_thread(longest, async move {
        let mut sessions = Vec::with_capacity(shape.connections);
        for _ in 0..shape.connections {
            let mut session = Session::open(&socket).await?;
            session.prepare("INSERT INTO record VALUES ($1, $2, $3, $4, $5)").await?;
            sessions.push(session);
        }
        let (window, mut running) = (Window::open(pace), JoinSet::new());
        for session in sessions {
            running.spawn(insert_loop(session, writes.clone(), window));
        }
        let mut answers = Answers::none();
        while let Some(ended) = running.join_next().await {
            answers.add(&ended.context("a connection ended early")?.context("an INSERT failed")?);
        }
        Ok(answers)
    });
    Ok(Round::new(answers.await?, pace))
}

async fn insert_loop(mut session: Session, writes: Writes, window: Window) -> anyhow::Result<Answers> {
    let mut answers = Answers::none();
    loop {
        let sent = Instant::now();
        if sent >= window.end {
            return Ok(answers);
        }
        let (number, appeal) = writes.next();
        let id = format!("{COLLECTION}{}", Appeals::id(number));
        session.execute(&values(&id, appeal, &day(appeal))).await?;
        answers.push(window, sent, Instant::now());
    }
}

impl Rows {
    /// The appeals from 1 to `count`, with the bytes that an import of them carries.
    ///
    /// # Errors
    /// When a row is too large.
    pub(crate) fn appeals(appeals: &Appeals, count: u64) -> anyhow::Result<Self> {
        let mut messages = Vec::new();
        let mut rows = BytesMut::from(COPY_SIGNATURE);
        for number in 1..=count {
            let record = appeals.named(number);
            let appeal = Appeal::new(&record);
            let fields = values(&record.name, &appeal, &day(&appeal)).map(<[u8]>::to_vec);
            rows.put_i16(i16::try_from(fields.len())?);
            for field in fields {
                rows.put_i32(i32::try_from(field.len())?);
                rows.put_slice(&field);
            }
            if number % ROWS_AT_ONCE as u64 == 0 {
                messages.push(copy_data(rows.split())?);
            }
        }
        rows.put_i16(COPY_END);
        messages.push(copy_data(rows)?);
        Ok(Self { messages, count })
    }
}

fn copy_data(rows: BytesMut) -> anyhow::Result<Bytes> {
    let mut message = BytesMut::new();
    frontend::CopyData::new(rows.freeze())?.write(&mut message);
    Ok(message.freeze())
}

/// The columns, as its binary form has them.
fn values<'a>(id: &'a str, appeal: &'a Appeal, day: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), KIND.as_bytes(), day, appeal.institution.as_bytes(), &appeal.encoded]
}

fn day(appeal: &Appeal) -> [u8; 4] {
    (appeal.filed_on - FIRST_DAY).get_days().to_be_bytes()
}

/// A number of the user: `-u` its own, `-g` its group's.
async fn id(which: &str) -> anyhow::Result<u32> {
    let output = Command::new("id").args([which, USER]).output().await?;
    let text = String::from_utf8(output.stdout)?;
    text.trim().parse().with_context(|| format!("there is no user {USER}"))
}
