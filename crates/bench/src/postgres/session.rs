//! A session with PostgreSQL over its wire protocol: one statement, awaited before the next. Like the load on gRPC it
//! costs little beside the server, which a client with tasks and channels of its own does not.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use bytes::{Bytes, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::USER;

const BINARY: i16 = 1;
/// The one prepared statement.
const STATEMENT: &str = "statement";

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    socket: UnixStream,
    input: BytesMut,
    output: BytesMut,
}

impl Session {
    /// Connects and says who it is; nothing more is asked for.
    ///
    /// # Errors
    /// When nobody listens, or the server refuses.
    pub(super) async fn open(socket: &Path) -> anyhow::Result<Self> {
        let socket = UnixStream::connect(socket).await.context("cannot connect to PostgreSQL")?;
        let mut session = Self { socket, input: BytesMut::new(), output: BytesMut::new() };
        frontend::startup_message([("user", USER), ("database", "postgres")], &mut session.output)?;
        session.ready().await?;
        Ok(session)
    }

    /// Runs statements without parameters.
    ///
    /// # Errors
    /// When one fails.
    pub(super) async fn run(&mut self, sql: &str) -> anyhow::Result<()> {
        frontend::query(sql, &mut self.output)?;
        self.ready().await
    }

    /// Prepares the statement that [`Session::execute`] executes.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) async fn prepare(&mut self, sql: &str) -> anyhow::Result<()> {
        frontend::parse(STATEMENT, sql, [], &mut self.output)?;
        frontend::sync(&mut self.output);
        self.ready().await
    }

    /// Executes the prepared statement with values in binary form.
    ///
    /// # Errors
    /// When it fails.
    pub(super) async fn execute(&mut self, values: &[&[u8]]) -> anyhow::Result<()> {
        let put = |value: &&[u8], buffer: &mut BytesMut| {
            buffer.extend_from_slice(value);
            Ok(IsNull::No)
        };
        let bound = frontend::bind("", STATEMENT, [BINARY], values, put, [BINARY], &mut self.output);
        ensure!(bound.is_ok(), "values that cannot be bound");
        frontend::execute("", 0, &mut self.output)?;
        frontend::sync(&mut self.output);
        self.ready().await
    }

    /// Runs a COPY with messages that are encoded already.
    ///
    /// # Errors
    /// When it fails.
    pub(super) async fn copy(&mut self, sql: &str, messages: &[Bytes]) -> anyhow::Result<()> {
        frontend::query(sql, &mut self.output)?;
        self.flush().await?;
        while !matches!(self.message().await?, Message::CopyInResponse(_)) {}
        for message in messages {
            self.socket.write_all(message).await.context("the connection is gone")?;
        }
        frontend::copy_done(&mut self.output);
        self.ready().await
    }

    /// Sends what is written and waits until the server has done it.
    async fn ready(&mut self) -> anyhow::Result<()> {
        self.flush().await?;
        while !matches!(self.message().await?, Message::ReadyForQuery(_)) {}
        Ok(())
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        self.socket.write_all(&self.output).await.context("the connection is gone")?;
        self.output.clear();
        Ok(())
    }

    async fn message(&mut self) -> anyhow::Result<Message> {
        loop {
            match Message::parse(&mut self.input)? {
                Some(Message::ErrorResponse(error)) => {
                    let told = error.fields().find(|field| Ok(field.type_() == b'M'))?;
                    let told = told.map(|field| String::from_utf8_lossy(field.value_bytes()).into_owned());
                    bail!("PostgreSQL: {}", told.unwrap_or_default());
                }
                Some(message) => return Ok(message),
                None => {
                    let read = self.socket.read_buf(&mut self.input).await?;
                    ensure!(read > 0, "PostgreSQL closed the connection");
                }
            }
        }
    }
}
