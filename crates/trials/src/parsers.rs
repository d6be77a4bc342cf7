//! Whatever reads what comes from outside is handed anything: no panic, nothing over a second, and no more stack than a
//! thread that serves calls has.
//!
//! In reading order: `mutate` and `wire` make inputs of what is right; `texts`, `tables`, `credentials`, `stored` and
//! `requests` are the parsers, each with examples that it accepts.

mod credentials;
mod mutate;
mod requests;
mod stored;
mod tables;
mod texts;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::chance::Chance;
use mutate::Mutator;

/// What a thread of the runtime has.
const STACK_BYTES: usize = 2 << 20;
/// No input may take longer.
const SECONDS_MAX: f64 = 1.0;
/// How often a slow input is repeated: the machine may have been busy elsewhere.
const REPEATS: usize = 3;
/// Inputs that made trouble and are shown, of each parser.
const SHOWN: usize = 3;
/// Panics that are shown, of all parsers.
const PANICS_SHOWN: usize = 50;
/// Bytes of an input that are shown.
const SHOWN_BYTES: usize = 600;

/// How inputs are made from examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Bytes and words of a text.
    Text,
    /// Fields of a message.
    Message,
    /// Bytes.
    Bytes,
}

/// Reads an input; whether it was accepted.
type Accepts<'a> = Box<dyn FnMut(&[u8]) -> bool + Send + 'a>;

/// One parser.
struct Parser<'a> {
    name: String,
    form: Form,
    /// What it accepts.
    examples: Vec<Vec<u8>>,
    accepts: Accepts<'a>,
    /// Whether examples are accepted in every state of the service.
    strict: bool,
}

impl<'a> Parser<'a> {
    fn new(
        name: impl Into<String>,
        form: Form,
        examples: Vec<Vec<u8>>,
        accepts: impl FnMut(&[u8]) -> bool + Send + 'a,
    ) -> Self {
        Self { name: name.into(), form, examples, accepts: Box::new(accepts), strict: true }
    }

    /// A parser of text.
    fn text(
        name: &str,
        examples: impl IntoIterator<Item = impl Into<String>>,
        mut accepts: impl FnMut(&str) -> bool + Send + 'a,
    ) -> Self {
        let examples = examples.into_iter().map(|text| text.into().into_bytes()).collect();
        Self::new(name, Form::Text, examples, move |bytes| accepts(&String::from_utf8_lossy(bytes)))
    }

    /// A parser of requests, which may be right and refused all the same.
    fn of_requests(self) -> Self {
        Self { strict: false, ..self }
    }
}

/// What came of one parser.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The parser.
    pub name: String,
    /// Inputs that it was handed.
    pub inputs: usize,
    /// Examples that it should accept and does not.
    pub refused: Vec<String>,
    /// Inputs that it accepted.
    pub accepted: usize,
    /// Panics, anywhere in the process.
    pub panics: usize,
    /// The slowest input.
    pub slowest: Duration,
    /// All of them.
    pub took: Duration,
}

/// Panics of all threads.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Hands every parser whose name contains `only` so many inputs, in turn.
///
/// # Panics
/// When a parser panics or takes longer than a second, after all were tried.
pub async fn run(inputs: usize, only: &str) -> Vec<Report> {
    let chance = Chance::new("parsers");
    std::panic::set_hook(Box::new(|panic| {
        if PANICS.fetch_add(1, Ordering::Relaxed) < PANICS_SHOWN {
            eprintln!("{panic}");
        }
    }));
    let folder = tempfile::tempdir().unwrap();
    let services = requests::Services::open(folder.path()).await;
    let mut parsers = texts::all();
    parsers.extend(tables::all());
    parsers.extend(credentials::all(folder.path()));
    parsers.extend(stored::all());
    parsers.extend(requests::all(&services).await);
    let mut reports = Vec::new();
    for (number, parser) in parsers.into_iter().enumerate() {
        if parser.name.contains(only) {
            let mutator = Mutator::new(chance.part(number as u64), parser.form, &parser.examples);
            let report = on_small_stack(|| attack(parser, mutator, inputs));
            report.tell();
            reports.push(report);
        }
    }
    drop(std::panic::take_hook());
    services.close().await;
    let bad: Vec<_> = reports.iter().filter(|report| !report.is_good()).map(|report| &report.name).collect();
    assert!(bad.is_empty(), "these panic, are slow, or refuse what is right: {bad:?}");
    reports
}

/// Runs on a thread of its own, whose stack is small, and waits for it.
fn on_small_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let thread = thread.spawn_scoped(scope, || {
                let _runtime = runtime.enter();
                work()
            });
            thread.unwrap().join().expect("panics of parsers are caught")
        })
    })
}

fn attack(parser: Parser<'_>, mut mutator: Mutator, inputs: usize) -> Report {
    let Parser { name, examples, mut accepts, strict, .. } = parser;
    let mut report = Report {
        name,
        inputs,
        refused: Vec::new(),
        accepted: 0,
        panics: 0,
        slowest: Duration::ZERO,
        took: Duration::ZERO,
    };
    for example in &examples {
        if !catch_unwind(AssertUnwindSafe(|| accepts(example))).unwrap_or(false) && strict {
            report.refused.push(shown(example));
        }
    }
    let began = Instant::now();
    let mut input = Vec::new();
    for _ in 0..inputs {
        mutator.next(&mut input);
        let (panics, mut took) = (PANICS.load(Ordering::Relaxed), Duration::MAX);
        let mut accepted = false;
        for _ in 0..REPEATS {
            let since = Instant::now();
            accepted |= catch_unwind(AssertUnwindSafe(|| accepts(&input))).unwrap_or(false);
            took = took.min(since.elapsed());
            if took <= report.slowest || took.as_secs_f64() < SECONDS_MAX / 10.0 {
                break;
            }
        }
        let panics = PANICS.load(Ordering::Relaxed) - panics;
        report.accepted += usize::from(accepted);
        report.panics += panics;
        if (panics > 0 && report.panics <= SHOWN) || took.as_secs_f64() > SECONDS_MAX {
            eprintln!("{}: {panics} panics, {:?} for {}", report.name, took, shown(&input));
        }
        report.slowest = report.slowest.max(took);
    }
    report.took = began.elapsed();
    report
}

impl Report {
    fn is_good(&self) -> bool {
        self.panics == 0 && self.refused.is_empty() && self.slowest.as_secs_f64() <= SECONDS_MAX
    }

    /// One line.
    fn tell(&self) {
        let Self { name, inputs, refused, accepted, panics, slowest, took } = self;
        let rate = *inputs as f64 / took.as_secs_f64();
        let share = 100.0 * *accepted as f64 / *inputs as f64;
        let slowest = slowest.as_secs_f64() * 1e3;
        eprintln!(
            "{name:<44} {inputs:>8} inputs {rate:>9.0}/s  accepted {share:>3.0} %  slowest {slowest:>7.2} ms  {panics} panics"
        );
        refused.iter().for_each(|example| eprintln!("  it refuses {example}"));
    }
}

/// An input for a reader, as a literal that can be pasted into a test.
fn shown(input: &[u8]) -> String {
    let start = &input[..input.len().min(SHOWN_BYTES)];
    format!("{} bytes b\"{}\"", input.len(), start.escape_ascii())
}
