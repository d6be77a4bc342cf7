//! Inputs that are nearly right: an example with a few changes.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{Form, wire};

/// Changes of one input.
const CHANGES_MAX: usize = 4;
/// Bytes of an input, about; a few are far larger.
const BYTES_MAX: usize = 64 << 10;
/// One of so many inputs may be large.
const LARGE: u32 = 256;
/// Repeats of a part in a large input.
const REPEATS_MAX: usize = 5_000;

/// Words that readers stumble over.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "-0",
    "1e999999999",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "4294967296",
    "2147483648",
    "0.0000000000000000000000000001",
    "79228162514264337593543950335",
    "79228162514264337593543950336",
    "NaN",
    "inf",
    "null",
    "true",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "é",
    "Ⅷ",
    "\u{1F600}",
    "(",
    ")",
    "((",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "\\",
    "\\u",
    "\\ud800",
    "\n",
    "\r\n",
    "\t",
    ",",
    ";",
    ":",
    "=",
    ".",
    "..",
    "*",
    "-",
    "--",
    "/",
    "#",
    "%",
    " AND ",
    " OR ",
    "NOT ",
    "-",
    ":*",
    "9999",
    "10000",
    "0000",
    "-02-30",
    "-13",
    "records/",
    "indicators/",
    "T00:00:00Z",
];
/// What nests.
const PAIRS: &[(&str, &str)] =
    &[("(", ")"), ("[", "]"), ("{\"a\":", "}"), ("{a=", "}"), ("NOT (", ")"), ("-", ""), ("\"", "\"")];

/// Makes inputs from examples.
pub(super) struct Mutator {
    random: StdRng,
    form: Form,
    examples: Vec<Vec<u8>>,
}

impl Mutator {
    pub(super) fn new(random: StdRng, form: Form, examples: &[Vec<u8>]) -> Self {
        Self { random, form, examples: examples.to_vec() }
    }

    /// Puts another input into `out`.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) {
        out.clear();
        let Some(example) = self.examples.choose(&mut self.random) else { return };
        out.extend_from_slice(example);
        let large = self.random.random_ratio(1, LARGE);
        // One change more often than several: what is nearly right comes further.
        let changes =
            self.random.random_range(1..=CHANGES_MAX).min(self.random.random_range(1..=CHANGES_MAX));
        for _ in 0..changes {
            match self.form {
                Form::Text if self.random.random_ratio(2, 3) => self.words(out, large),
                Form::Message if self.random.random_ratio(4, 5) => {
                    let other = self.examples.choose(&mut self.random).map_or(&[][..], Vec::as_slice);
                    wire::change(out, other, &mut self.random);
                }
                Form::Text | Form::Message | Form::Bytes => self.bytes(out, large),
            }
        }
        if !large {
            out.truncate(BYTES_MAX);
        }
    }

    fn place(&mut self, out: &[u8]) -> usize {
        self.random.random_range(0..=out.len())
    }

    fn part(&mut self, out: &[u8]) -> std::ops::Range<usize> {
        let start = self.place(out);
        let end = out.len().min(start + self.random.random_range(0..=64));
        start..end
    }

    fn words(&mut self, out: &mut Vec<u8>, large: bool) {
        let random = &mut self.random;
        match random.random_range(0..6) {
            0 => {
                // A number becomes another one.
                let digits: Vec<_> = (0..out.len()).filter(|at| out[*at].is_ascii_digit()).collect();
                let Some(start) = digits.choose(random).copied() else { return };
                let length = out[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let word = WORDS.choose(random).unwrap_or(&"0");
                out.splice(start..start + length, word.bytes());
            }
            1 => {
                let (open, close) = PAIRS.choose(random).unwrap_or(&("(", ")"));
                let depth = if large { REPEATS_MAX } else { random.random_range(1..40) };
                let part = self.part(out);
                let inner = out[part.clone()].to_vec();
                let nested = [open.repeat(depth).as_bytes(), &inner, close.repeat(depth).as_bytes()].concat();
                out.splice(part, nested);
            }
            2 => {
                // A line, or another piece between two marks, is there once more.
                let mark = *b"\n ,.\"{".choose(random).unwrap_or(&b'\n');
                let pieces: Vec<_> = out.split(|byte| *byte == mark).map(<[u8]>::to_vec).collect();
                let piece = pieces.choose(random).cloned().unwrap_or_default();
                let place = self.place(out);
                out.splice(place..place, [&[mark][..], &piece].concat());
            }
            _ => {
                let word = WORDS.choose(random).unwrap_or(&"0");
                let place = self.place(out);
                let end = if self.random.random() { place } else { out.len().min(place + word.len()) };
                out.splice(place..end, word.bytes());
            }
        }
    }

    fn bytes(&mut self, out: &mut Vec<u8>, large: bool) {
        match self.random.random_range(0..8) {
            0 | 1 => {
                let place = self.place(out);
                if let Some(byte) = out.get_mut(place) {
                    *byte ^= 1 << self.random.random_range(0..8);
                }
            }
            2 => {
                let place = self.place(out);
                if let Some(byte) = out.get_mut(place) {
                    *byte = *[0, 1, 0x7f, 0x80, 0xff, b'\n', self.random.random()]
                        .choose(&mut self.random)
                        .unwrap_or(&0);
                }
            }
            3 => {
                let part = self.part(out);
                out.drain(part);
            }
            4 => {
                let (part, place) = (self.part(out), self.place(out));
                let times = if large { REPEATS_MAX } else { self.random.random_range(1..=4) };
                let again = out[part].repeat(times);
                out.splice(place..place, again);
            }
            5 => {
                let place = self.place(out);
                out.truncate(place);
            }
            6 => {
                let other = self.examples.choose(&mut self.random).cloned().unwrap_or_default();
                let (place, from) = (self.place(out), self.place(&other));
                out.truncate(place);
                out.extend_from_slice(&other[from..]);
            }
            _ => {
                let place = self.place(out);
                let noise: Vec<u8> =
                    (0..self.random.random_range(1..16)).map(|_| self.random.random()).collect();
                out.splice(place..place, noise);
            }
        }
    }
}
