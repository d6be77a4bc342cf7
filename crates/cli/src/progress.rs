//! Bars and problems on stderr; a bar is drawn on a terminal only.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// What is known about a long job while it runs. Cheap to share.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over bytes of input; without a total only what is done is shown.
    pub(crate) fn bytes(title: &'static str, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes} {eta}",
            None => "{msg} {spinner} {bytes} {elapsed}",
        };
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let style = ProgressStyle::with_template(template).expect("the templates above are well-formed");
        Self { bar: bar.with_style(style).with_message(title) }
    }

    /// A count of what is done.
    pub(crate) fn count(title: &'static str) -> Self {
        let style = ProgressStyle::with_template("{msg} {spinner} {human_pos} {elapsed}");
        let style = style.expect("the template above is well-formed");
        Self { bar: ProgressBar::no_length().with_style(style).with_message(title) }
    }

    /// So many more bytes are done.
    pub(crate) fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Says something without tearing the bar.
    pub(crate) fn note(&self, text: &str) {
        self.bar.suspend(|| {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(io::stderr(), "{text}");
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// One line on stderr, beside the answer on stdout.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(io::stderr(), "reform: {text}");
}
