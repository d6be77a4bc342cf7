//! Files that are read again when they change, such as certificates and keys.
//!
//! Contents are compared, not times: that is right for files that are written over, renamed into place, or swapped
//! behind a link. What cannot be read, or says something wrong, leaves in force what was there before.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ring::digest::{Context, SHA256};
use tokio_util::task::AbortOnDropHandle;

/// How often files are looked at.
pub const POLL: Duration = Duration::from_secs(2);

/// Larger files are refused unread.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Why the files say nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The files do not say what they should.
    #[error("{}: {why}", show(files))]
    Content {
        /// Which.
        files: Vec<PathBuf>,
        /// What is wrong.
        why: String,
    },
}

/// What some files say at this moment; cheap to clone. The last clone ends the watch.
#[derive(Debug)]
pub struct Watched<T> {
    now: Arc<ArcSwap<T>>,
    _watch: Arc<AbortOnDropHandle<()>>,
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self { now: self.now.clone(), _watch: self._watch.clone() }
    }
}

impl<T: Send + Sync + 'static> Watched<T> {
    /// Reads `files`, in this order, and again whenever one of them differs `every` so often. Needs a runtime.
    ///
    /// # Errors
    /// [`Error`], of this first time only; later ones are logged.
    pub fn open(
        files: Vec<PathBuf>,
        every: Duration,
        parse: impl Fn(&[Vec<u8>]) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let contents = read(&files)?;
        let parsed = parse(&contents).map_err(|why| Error::Content { files: files.clone(), why })?;
        let now = Arc::new(ArcSwap::from_pointee(parsed));
        let follower = Follower { files, seen: Ok(digest(&contents)), parse, now: now.clone() };
        let watch = AbortOnDropHandle::new(tokio::spawn(follower.follow(every)));
        Ok(Self { now, _watch: Arc::new(watch) })
    }

    /// What is in force.
    pub fn get(&self) -> Arc<T> {
        self.now.load_full()
    }
}

struct Follower<T, P> {
    files: Vec<PathBuf>,
    /// What was looked at last, also when it was refused: each state of the files is told once.
    seen: Result<Vec<u8>, String>,
    parse: P,
    now: Arc<ArcSwap<T>>,
}

impl<T, P> Follower<T, P>
where
    T: Send + Sync + 'static,
    P: Fn(&[Vec<u8>]) -> Result<T, String> + Send + Sync + 'static,
{
    async fn follow(mut self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            let Ok(back) = looked.await else { return };
            self = back;
        }
    }

    fn look(&mut self) {
        let contents = read(&self.files);
        let seen = contents.as_ref().map(|contents| digest(contents)).map_err(ToString::to_string);
        if seen == self.seen {
            return;
        }
        self.seen = seen;
        let files = show(&self.files);
        let parsed = contents.map_err(|error| error.to_string()).and_then(|read| (self.parse)(&read));
        match parsed {
            Ok(parsed) => {
                self.now.store(Arc::new(parsed));
                tracing::info!(files, "files changed, they are in force");
            }
            Err(error) => {
                tracing::error!(files, error, "files changed and are wrong, the old ones stay in force")
            }
        }
    }
}

fn read(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, Error> {
    let one = |path: &PathBuf| {
        let failed = |source| Error::File { path: path.clone(), source };
        if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
            return Err(failed(io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes"))));
        }
        std::fs::read(path).map_err(failed)
    };
    files.iter().map(one).collect()
}

/// Keys are not kept in memory for the comparison.
fn digest(contents: &[Vec<u8>]) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    for content in contents {
        digest.update(&(content.len() as u64).to_be_bytes());
        digest.update(content);
    }
    digest.finish().as_ref().to_vec()
}

fn show(files: &[PathBuf]) -> String {
    files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_in_force_and_a_wrong_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("number");
        let number = |contents: &[Vec<u8>]| {
            let text = std::str::from_utf8(&contents[0]).map_err(|error| error.to_string())?;
            text.parse::<u32>().map_err(|error| error.to_string())
        };
        let open = || Watched::open(vec![file.clone()], Duration::from_millis(1), number);
        assert!(matches!(open(), Err(Error::File { .. })));
        std::fs::write(&file, "x").unwrap();
        assert!(matches!(open(), Err(Error::Content { .. })));
        std::fs::write(&file, "1").unwrap();
        let watched = open().unwrap();
        let until = async |wanted| {
            while *watched.get() != wanted {
                tokio::task::yield_now().await;
            }
        };
        until(1).await;
        std::fs::write(&file, "2").unwrap();
        until(2).await;

        let mut follower = Follower {
            files: vec![file.clone()],
            seen: Err(String::new()),
            parse: number,
            now: Arc::new(ArcSwap::from_pointee(0)),
        };
        follower.look();
        std::fs::write(&file, "x").unwrap();
        follower.look();
        assert_eq!(**follower.now.load(), 2, "a wrong file");
        std::fs::remove_file(&file).unwrap();
        follower.look();
        assert_eq!(**follower.now.load(), 2, "no file");
        std::fs::write(&file, "3").unwrap();
        follower.look();
        assert_eq!(**follower.now.load(), 3);
    }
}
