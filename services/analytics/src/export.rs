//! A whole view at once, or none of it.

use bytes::Bytes;
use futures::stream::{Stream, TryStreamExt};
use reform_api::client::Exported;
use reform_indicators::View;
use tonic::Status;

use crate::fold::{self, Folded};

/// Reads an export to its end, where it is proven; the view, and the number of records that it lacks because not even
/// their names can be read.
///
/// # Errors
/// It failed or is void; nothing of it may then be used.
pub(crate) async fn read(
    mut export: impl Stream<Item = Result<Exported<Bytes>, Status>> + Unpin,
) -> Result<(View, i64), Status> {
    let mut folded = Vec::new();
    let trailer = loop {
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
    let mut view = View::new(trailer.store_id);
    let mut unnamed = 0;
    for folded in folded {
        match folded {
            Folded::Change(change) => view.apply(change),
            Folded::Unnamed => unnamed += 1,
        }
    }
    view.set_revision(trailer.revision);
    Ok((view, unnamed))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::stream;
    use reform_api::data::v1::ExportTrailer;

    use super::*;

    fn read(items: Vec<Exported<Bytes>>) -> Result<(View, i64), Status> {
        block_on(super::read(stream::iter(items.into_iter().map(Ok))))
    }

    #[test]
    fn an_export_is_whole_and_of_a_store_or_void() {
        let record = |bytes| Exported::Record { record: Bytes::from_static(bytes), revision: 3 };
        let trailer = ExportTrailer { count: 2, revision: 7, store_id: "s".into(), ..Default::default() };
        let records = vec![record(b"\x12\x00"), record(b"\x1a\x00")];
        let ending = |trailer| records.iter().cloned().chain([Exported::Whole(trailer)]).collect();
        let (view, unnamed) = read(ending(trailer.clone())).unwrap();
        assert_eq!((view.revision(), view.store_id(), unnamed), (7, "s", 2));

        assert!(read(records.clone()).is_err());
        assert!(read(ending(ExportTrailer { store_id: String::new(), ..trailer })).is_err());
    }
}
