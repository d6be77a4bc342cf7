//! How a process is reached: addresses, encryption, limits, and who may do what.

mod check;
mod descriptors;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;

pub use settings::SETTINGS;

use crate::access::{self, Access};
use crate::connection::{Patience, STALLED_MAX};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::routes::Routes;
use crate::server::{self, Error};
use crate::traces::{self, Traces};
use crate::watched::{self, Watched};
use crate::{config, limits, memory, reflection, tls};

/// Connections at the same time, unless it is set. One connection carries many calls.
pub const CONNECTIONS_MAX: usize = 512;

/// How old a connection becomes, unless it is set.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_secs(3_600);

/// What a process is told about how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether plaintext may leave this machine.
    pub insecure: bool,
    /// Where to answer health, and nothing else, in plaintext.
    pub health_listen: Option<SocketAddr>,
    /// Where to hand out metrics, in plaintext and to whoever asks.
    pub admin_listen: Option<SocketAddr>,
    /// Who collects spans of calls.
    pub traces: Option<traces::Config>,
    /// Connections at the same time; more wait to be accepted.
    pub connections_max: usize,
    /// How old a connection becomes, or up to a tenth less, before its peer is told to open another.
    pub age_max: Duration,
    /// How long a peer may take no part of the answers that wait for it; only trials shorten it.
    pub stalled_max: Duration,
    /// How much may be under way.
    pub limits: limits::Config,
    /// Encrypts.
    pub tls: Option<tls::Files>,
    /// Who may do what; everybody everything where nothing is set.
    pub access: access::Config,
    /// Whether the process describes itself.
    pub reflection: bool,
    /// How often files are looked at for changes.
    pub poll: Duration,
}

impl Config {
    /// Plaintext on `listen`.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            insecure: false,
            health_listen: None,
            admin_listen: None,
            traces: None,
            connections_max: CONNECTIONS_MAX,
            age_max: CONNECTION_AGE_MAX,
            stalled_max: STALLED_MAX,
            limits: limits::Config::default(),
            tls: None,
            access: access::Config::default(),
            reflection: true,
            poll: watched::POLL,
        }
    }

    /// Reads the files and listens; logs the addresses that it got, which tell the ports when 0 was asked for.
    ///
    /// # Errors
    /// A file is wrong, an address cannot be had, or plaintext would leave this machine without `insecure`.
    pub async fn open(self) -> Result<Front, Error> {
        memory::keep_pages_small();
        if self.tls.is_none() {
            config::check_bind(self.listen, self.insecure)?;
        }
        let tls = self.tls.as_ref().map(|files| tls::watch(files, self.poll)).transpose()?;
        let access = self.access.open(self.poll)?;
        let listener = server::listen(self.listen).await?;
        tracing::info!(address = %address(&listener)?, tls = tls.is_some(), access = access.is_some(), "listening");
        let health = beside(self.health_listen, "listening for questions about health").await?;
        let admin = beside(self.admin_listen, "listening for those who read metrics").await?;
        Ok(Front {
            listener,
            health,
            admin,
            tls,
            access: access.map(Arc::new),
            connections_max: descriptors::connections(self.connections_max),
            patience: Patience { age_max: self.age_max, stalled_max: self.stalled_max },
            limits: self.limits,
            reflection: self.reflection,
            metrics: Metrics::default(),
            collector: self.traces,
            traces: None,
        })
    }
}

/// A further listener, if there is to be one.
async fn beside(asked: Option<SocketAddr>, what: &str) -> Result<Option<TcpListener>, Error> {
    let Some(asked) = asked else { return Ok(None) };
    let listener = server::listen(asked).await?;
    tracing::info!(address = %address(&listener)?, "{what}");
    Ok(Some(listener))
}

fn address(listener: &TcpListener) -> Result<SocketAddr, Error> {
    listener.local_addr().map_err(Error::Address)
}

/// What [`server::serve`] serves on.
#[derive(Debug)]
pub struct Front {
    pub(crate) listener: TcpListener,
    pub(crate) health: Option<TcpListener>,
    pub(crate) admin: Option<TcpListener>,
    pub(crate) tls: Option<Watched<ServerConfig>>,
    pub(crate) access: Option<Arc<Access>>,
    pub(crate) connections_max: usize,
    pub(crate) patience: Patience,
    pub(crate) limits: limits::Config,
    reflection: bool,
    pub(crate) metrics: Metrics,
    collector: Option<traces::Config>,
    pub(crate) traces: Option<Arc<Traces>>,
}

/// Plaintext, for whoever connects.
impl From<TcpListener> for Front {
    fn from(listener: TcpListener) -> Self {
        Self {
            listener,
            health: None,
            admin: None,
            tls: None,
            access: None,
            connections_max: CONNECTIONS_MAX,
            patience: Patience { age_max: CONNECTION_AGE_MAX, stalled_max: STALLED_MAX },
            limits: limits::Config::default(),
            reflection: true,
            metrics: Metrics::default(),
            collector: None,
            traces: None,
        }
    }
}

impl Front {
    /// Where it listens.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn address(&self) -> Result<SocketAddr, Error> {
        address(&self.listener)
    }

    /// Where it answers health alone.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn health_address(&self) -> Result<Option<SocketAddr>, Error> {
        self.health.as_ref().map(address).transpose()
    }

    /// Where it hands out metrics.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn admin_address(&self) -> Result<Option<SocketAddr>, Error> {
        self.admin.as_ref().map(address).transpose()
    }

    /// Who it is, and what it tells beside its calls.
    ///
    /// # Errors
    /// [`Error::Traces`].
    pub fn introduce(&mut self, program: &'static str, metrics: Metrics) -> Result<(), Error> {
        self.metrics = metrics;
        let traces = self.collector.as_ref().map(|collector| Traces::open(collector, program));
        self.traces = traces.transpose()?.map(Arc::new);
        Ok(())
    }

    /// What every process serves: health, and reflection unless it is off; the caller adds its own services.
    ///
    /// # Errors
    /// [`Error::Reflection`].
    pub fn routes(&self, health: &Health) -> Result<Routes, Error> {
        let routes = Routes::new(health.service());
        if !self.reflection {
            return Ok(routes);
        }
        Ok(reflection::add(routes, health.names())?)
    }
}
