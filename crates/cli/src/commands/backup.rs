//! `reform backup`: an archive of the store, proven before it has its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use reform_api::data::v1::{CreateBackupRequest, CreateBackupResponse};
use reform_archive::Whole;
use tonic::Streaming;

use crate::args::Global;
use crate::client::{Peer, Service};
use crate::failure::Failure;
use crate::progress::{self, Progress};

/// Write an archive of the whole store, its history included, while it serves.
///
/// The archive is written beside its place as FILE.partial, synced, read back and checked to its end, and only then gets
/// its name. `reform-data restore --archive FILE --data-dir DIR` makes a store of it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform backup /backups/registry-$(date +%F).archive
  reform-data verify --archive FILE
  reform-data restore --archive FILE --data-dir NEW-FOLDER")]
pub(crate) struct Backup {
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    /// Archive to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) async fn run(global: &Global, backup: Backup) -> Result<ExitCode, Failure> {
    let Backup { force, file } = backup;
    let partial = Partial::create(&file, force)?;
    let peer = global.connect(Service::Data).await?;
    let answer = peer.maintenance().create_backup(CreateBackupRequest {}).await;
    let pieces = answer.map_err(|status| peer.failed(status))?.into_inner();
    let bytes = tokio::select! {
        received = receive(&peer, pieces, &partial) => received?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Broken("interrupted; no archive was written".to_owned())),
    };
    let Whole { head, .. } = partial.proven(bytes)?;
    partial.put_in_place()?;
    let shown = file.display();
    progress::note(&format!(
        "revision {} of store {} in {shown}, {bytes} bytes",
        head.revision, head.store_id
    ));
    Ok(ExitCode::SUCCESS)
}

async fn receive(
    peer: &Peer,
    mut pieces: Streaming<CreateBackupResponse>,
    partial: &Partial,
) -> Result<u64, Failure> {
    let progress = Progress::bytes("backup", None);
    let mut bytes = 0;
    while let Some(CreateBackupResponse { chunk, revision: _ }) =
        pieces.message().await.map_err(|status| peer.failed(status))?
    {
        (&partial.file).write_all(&chunk).map_err(|error| partial.failed(error))?;
        bytes += chunk.len() as u64;
        progress.advance(chunk.len() as u64);
    }
    partial.file.sync_all().map_err(|error| partial.failed(error))?;
    Ok(bytes)
}

/// The archive before it has its name; it disappears unless it is put in place.
struct Partial {
    file: File,
    path: PathBuf,
    place: PathBuf,
}

impl Partial {
    fn create(place: &Path, force: bool) -> Result<Self, Failure> {
        let failed = |path: &Path, source| Failure::File { path: path.display().to_string(), source };
        if !force && place.symlink_metadata().is_ok() {
            let exists =
                io::Error::new(io::ErrorKind::AlreadyExists, "is there already; --force writes over it");
            return Err(failed(place, exists));
        }
        let mut path = place.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        // What an earlier, killed backup has left is written over; what one that runs is writing is not.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| failed(&path, error))?;
        file.try_lock().map_err(|error| failed(&path, error.into()))?;
        file.set_len(0).map_err(|error| failed(&path, error))?;
        Ok(Self { file, path, place: place.to_owned() })
    }

    fn failed(&self, source: io::Error) -> Failure {
        Failure::File { path: self.path.display().to_string(), source }
    }

    /// Reads what was written from its beginning and checks it to its end.
    fn proven(&self, bytes: u64) -> Result<Whole, Failure> {
        let progress = Progress::bytes("check", Some(bytes));
        let file = File::open(&self.path).map_err(|error| self.failed(error))?;
        let mut done = 0;
        let whole = reform_archive::verify(BufReader::with_capacity(1 << 20, file), |position| {
            progress.advance(position - done);
            done = position;
        });
        whole.map_err(|error| {
            Failure::Broken(format!("{}: {error}; no archive was written", self.path.display()))
        })
    }

    fn put_in_place(self) -> Result<(), Failure> {
        fs::rename(&self.path, &self.place).map_err(|error| self.failed(error))?;
        let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty());
        let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        synced.map_err(|error| self.failed(error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After the rename there is nothing of that name.
        fs::remove_file(&self.path).ok();
    }
}
