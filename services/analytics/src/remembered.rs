//! Answers that were given before, encoded: the same question over the same records has the same bytes, so it is computed
//! once for every revision.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use reform_indicators::View;

/// Bytes of questions and answers that are kept; one beyond them takes the place of all others.
const BYTES_MAX: usize = 64 << 20;

/// See the module. Clones share the answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remembered(Arc<Mutex<Answers>>);

/// The answers from one view.
#[derive(Debug, Default)]
struct Answers {
    store_id: String,
    revision: i64,
    by_question: HashMap<Vec<u8>, Bytes>,
    bytes: usize,
}

impl Remembered {
    /// The answer to a question, if it was given from a view of that revision.
    pub(crate) fn answer(&self, view: &View, question: &[u8]) -> Option<Bytes> {
        let answers = self.0.lock();
        answers.are_of(view).then(|| answers.by_question.get(question).cloned()).flatten()
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.0.lock().bytes
    }

    /// Keeps an answer, as long as no newer view is asked. It may be one that was overtaken meanwhile: then it goes.
    pub(crate) fn keep(&self, view: &View, question: Vec<u8>, answer: &Bytes) {
        let bytes = question.len() + answer.len();
        let mut answers = self.0.lock();
        if answers.store_id == view.store_id() && view.revision() < answers.revision {
            return;
        }
        if !answers.are_of(view) || answers.bytes + bytes > BYTES_MAX {
            let (store_id, revision) = (view.store_id().to_owned(), view.revision());
            *answers = Answers { store_id, revision, ..Answers::default() };
        }
        answers.bytes += bytes;
        answers.by_question.insert(question, answer.clone());
    }
}

impl Answers {
    fn are_of(&self, view: &View) -> bool {
        self.revision == view.revision() && self.store_id == view.store_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(store_id: &str, revision: i64) -> View {
        let mut view = View::new(store_id);
        view.set_revision(revision);
        view
    }

    #[test]
    fn an_answer_is_given_again_at_its_revision_of_its_store_only() {
        let remembered = Remembered::default();
        let (old, new) = (view("s", 1), view("s", 2));
        remembered.keep(&old, b"q".to_vec(), &Bytes::from_static(b"1"));
        assert_eq!(remembered.answer(&old, b"q").as_deref(), Some(&b"1"[..]));
        assert_eq!(remembered.answer(&old, b"r"), None);
        for other in [&new, &view("t", 1)] {
            assert_eq!(remembered.answer(other, b"q"), None);
        }
        remembered.keep(&new, b"q".to_vec(), &Bytes::from_static(b"2"));
        // A slow computation over the old view ends after the new one was asked.
        remembered.keep(&old, b"q".to_vec(), &Bytes::from_static(b"1"));
        assert_eq!(remembered.answer(&new, b"q").as_deref(), Some(&b"2"[..]));
        assert_eq!(remembered.answer(&old, b"q"), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let remembered = Remembered::default();
        let view = view("s", 1);
        let answer = Bytes::from(vec![0; BYTES_MAX / 4]);
        for question in 0..10 {
            remembered.keep(&view, vec![question], &answer);
            assert!(remembered.0.lock().bytes <= BYTES_MAX);
        }
        assert!(remembered.answer(&view, &[9]).is_some());
    }
}
