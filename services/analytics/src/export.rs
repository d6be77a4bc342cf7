//! A whole view at once, or none of it. Records are folded as they come; what comes of it is dropped where the end does
//! not prove it.

use bytes::Bytes;
use futures::stream::{Stream, TryStreamExt};
use reform_api::client::Exported;
use tonic::Status;

use crate::fold;
use crate::held::Held;

/// Records that are folded at a time.
const RECORDS: usize = 1024;

/// Reads an export to its end, where it is proven.
///
/// # Errors
/// It failed or is void; nothing of it may then be used.
pub(crate) async fn read(
    mut export: impl Stream<Item = Result<Exported<Bytes>, Status>> + Unpin,
) -> Result<Held, Status> {
    let mut held = Held::new();
    let mut folded = Vec::with_capacity(RECORDS);
    let trailer = loop {
        if folded.len() >= RECORDS {
            held = held.after(&folded);
            folded.clear();
        }
        match export.try_next().await? {
            Some(Exported::Record { record, revision }) => folded.push(fold::exported(&record, revision)),
            Some(Exported::Damaged(name)) => folded.push(fold::damaged(&name)),
            Some(Exported::Whole(trailer)) => break trailer,
            None => return Err(Status::data_loss("the export ended without its trailer")),
        }
    };
    if trailer.store_id.is_empty() {
        return Err(Status::data_loss("the trailer of the export names no store"));
    }
    Ok(held.after(&folded).at(&trailer.store_id, trailer.revision))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::stream;
    use reform_api::data::v1::ExportTrailer;

    use super::*;

    fn read(items: Vec<Exported<Bytes>>) -> Result<Held, Status> {
        block_on(super::read(stream::iter(items.into_iter().map(Ok))))
    }

    #[test]
    fn an_export_is_whole_and_of_a_store_or_void() {
        let record = |bytes| Exported::Record { record: Bytes::from_static(bytes), revision: 3 };
        let trailer = ExportTrailer { count: 2, revision: 7, store_id: "s".into(), ..Default::default() };
        let records = vec![record(b"\x12\x00"), record(b"\x1a\x00")];
        let ending = |trailer| records.iter().cloned().chain([Exported::Whole(trailer)]).collect();
        let held = read(ending(trailer.clone())).unwrap();
        assert_eq!((held.view.revision(), held.view.store_id(), held.unnamed), (7, "s", 2));

        assert!(read(records.clone()).is_err());
        assert!(read(ending(ExportTrailer { store_id: String::new(), ..trailer })).is_err());
    }
}
