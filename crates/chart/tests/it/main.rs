//! Pictures of many answers: what they must show, and that none of them ends the program.

mod any;
mod shown;
