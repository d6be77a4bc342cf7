//! `reform token`: a token for a caller, and the line by which a service knows it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use reform_api::roles::Role;
use reform_runtime::access;
use reform_runtime::identity::Identity;
use ring::rand::{SecureRandom, SystemRandom};

use crate::failure::Failure;
use crate::out;

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// Make a token for a caller; it is shown once, and the file of tokens gets its hash.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform token alice writer --tokens /etc/reform/tokens > alice.token
  reform import records.jsonl --token-file alice.token")]
pub(crate) struct Token {
    /// Who the caller is; the author of its changes
    identity: String,
    /// What the caller may do: reader, writer, importer, admin
    #[arg(required = true, value_name = "ROLE")]
    roles: Vec<Role>,
    /// The file of tokens that services read; the line is added at its end
    #[arg(long, value_name = "FILE")]
    tokens: PathBuf,
}

pub(crate) fn run(token: &Token) -> Result<ExitCode, Failure> {
    let Token { identity, roles, tokens } = token;
    let identity = Identity::new(identity).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut bytes = [0; TOKEN_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| std::io::Error::other("no random numbers"))?;
    let token = format!("reform_{}", hex::encode(bytes));
    let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    let line = format!("{} {identity} {}\n", access::hash(&token), roles.join(","));
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(tokens);
    let added = file.and_then(|mut file| {
        file.write_all(line.as_bytes())?;
        file.sync_all()
    });
    added.map_err(|source| Failure::File { path: tokens.display().to_string(), source })?;
    out::say(&token)?;
    Ok(ExitCode::SUCCESS)
}
