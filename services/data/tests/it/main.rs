//! The contract of the data service, asked from outside: a real server on a free port, a real client, a folder per test.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test fails where its helpers do")]

mod archives;
mod backups;
mod compactions;
mod durability;
mod feed;
mod filters;
mod findings;
mod histories;
mod import;
mod import_export;
mod lost;
mod packed;
mod purges;
mod reads;
mod records;
mod references;
mod refusals;
mod requests;
mod revisions;
mod routes;
mod support;
mod verifies;
mod writes;
