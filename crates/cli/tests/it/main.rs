//! The program as a person runs it: processes, exit codes, and what they print.

mod demo;
mod program;
mod records;
mod store;
