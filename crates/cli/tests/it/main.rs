//! The program as a person runs it: processes, exit codes, and what they print.

mod access;
mod backups;
mod charts;
mod compare;
mod demo;
mod follow;
mod history;
mod look;
mod program;
mod records;
mod store;
mod systems;
mod tables;
