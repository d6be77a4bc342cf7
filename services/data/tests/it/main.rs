//! The contract of the data service, asked from outside: a real server on a free port, a real client, a folder per test.

mod durability;
mod feed;
mod filters;
mod findings;
mod histories;
mod import;
mod import_export;
mod reads;
mod records;
mod references;
mod refusals;
mod requests;
mod support;
mod writes;
