//! The program as a person runs it: processes, exit codes, and what they print.

mod access;
mod backups;
mod charts;
mod compare;
mod demo;
mod follow;
mod history;
mod lines;
mod look;
mod program;
mod records;
mod seeing;
mod services;
mod store;
mod systems;
mod tables;
