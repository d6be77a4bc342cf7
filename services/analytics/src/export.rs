//! A whole view at once, or none of it.

use std::time::Duration;

use reform_api::data::v1::ExportTrailer;
use reform_indicators::View;
use sha2::{Digest, Sha256};
use tonic::{Status, Streaming};

use crate::fold::{self, Folded};
use crate::source::ExportPage;

/// A data service that sends nothing of an export for this long is gone; it may have to sort before it begins.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Why an export is worth nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Void {
    /// The call failed.
    #[error("export: {}: {}", .0.code(), .0.message())]
    Failed(#[from] Status),
    /// Nothing came for too long.
    #[error("export: nothing came for {SILENCE_MAX:?}")]
    Silent,
    /// It ended without its proof.
    #[error("export: no trailer")]
    NoTrailer,
    /// Something came after the proof.
    #[error("export: more after the trailer")]
    AfterTrailer,
    /// Not all records came.
    #[error("export: {came} records came, the trailer says {stated}")]
    Count {
        /// Records that came.
        came: i64,
        /// Records stated.
        stated: i64,
    },
    /// Not the records that were sent.
    #[error("export: the digest of the records differs from the trailer's")]
    Digest,
    /// The trailer does not say of what it is.
    #[error("export: the trailer names no store")]
    NoStore,
}

/// Reads an export to its end and proves it.
///
/// # Errors
/// [`Void`]; nothing of it may then be used.
pub(crate) async fn read(mut pages: Streaming<ExportPage>) -> Result<(View, i64), Void> {
    let mut gathered = Gathered::default();
    loop {
        let page = tokio::time::timeout(SILENCE_MAX, pages.message()).await.map_err(|_| Void::Silent)??;
        match page {
            Some(page) => gathered.take(page)?,
            None => return gathered.prove(),
        }
    }
}

#[derive(Debug, Default)]
struct Gathered {
    digest: Sha256,
    folded: Vec<Folded>,
    trailer: Option<ExportTrailer>,
}

impl Gathered {
    fn take(&mut self, ExportPage { records, trailer }: ExportPage) -> Result<(), Void> {
        if self.trailer.is_some() {
            return Err(Void::AfterTrailer);
        }
        for record in records {
            self.digest.update(&record);
            self.folded.push(fold::exported(&record));
        }
        self.trailer = trailer;
        Ok(())
    }

    /// The view, and the number of records that it lacks because not even their names can be read.
    fn prove(self) -> Result<(View, i64), Void> {
        let ExportTrailer { count, sha256, revision, store_id } = self.trailer.ok_or(Void::NoTrailer)?;
        let came = i64::try_from(self.folded.len()).unwrap_or(i64::MAX);
        if came != count {
            return Err(Void::Count { came, stated: count });
        }
        if !hex::encode(self.digest.finalize()).eq_ignore_ascii_case(&sha256) {
            return Err(Void::Digest);
        }
        if store_id.is_empty() {
            return Err(Void::NoStore);
        }
        let mut view = View::new(store_id);
        let mut unnamed = 0;
        for folded in self.folded {
            match folded {
                Folded::Change(change) => view.apply(change),
                Folded::Unnamed => unnamed += 1,
            }
        }
        view.set_revision(revision);
        Ok((view, unnamed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use prost::Message;
    use reform_api::data::v1;

    fn trailer(records: &[Bytes]) -> ExportTrailer {
        let sha256 = hex::encode(Sha256::digest(records.concat()));
        ExportTrailer { count: records.len() as i64, sha256, revision: 7, store_id: "s".into() }
    }

    fn read(pages: Vec<(Vec<Bytes>, Option<ExportTrailer>)>) -> Result<(View, i64), Void> {
        let mut gathered = Gathered::default();
        for (records, trailer) in pages {
            gathered.take(ExportPage { records, trailer })?;
        }
        gathered.prove()
    }

    #[test]
    fn a_page_reads_what_the_contract_writes() {
        let record = v1::Record { name: "records/a".into(), ..v1::Record::default() };
        let trailer = trailer(&[]);
        let sent =
            v1::ExportRecordsResponse { records: vec![record.clone()], trailer: Some(trailer.clone()) };
        let page = ExportPage::decode(sent.encode_to_vec().as_slice()).unwrap();
        assert_eq!(page, ExportPage { records: vec![record.encode_to_vec().into()], trailer: Some(trailer) });
    }

    #[test]
    fn an_export_is_proven_or_void() {
        let records = [Bytes::from_static(b"\x12\x00"), Bytes::from_static(b"\x1a\x00")];
        let [a, b] = records.clone();
        let good = trailer(&records);
        let (view, unnamed) =
            read(vec![(vec![a.clone()], None), (vec![b.clone()], None), (vec![], Some(good.clone()))])
                .unwrap();
        assert_eq!((view.revision(), view.store_id(), unnamed), (7, "s", 2));

        let void = |pages| read(pages).unwrap_err();
        assert!(matches!(void(vec![(vec![a.clone(), b.clone()], None)]), Void::NoTrailer));
        assert!(matches!(
            void(vec![(vec![a.clone()], Some(good.clone()))]),
            Void::Count { came: 1, stated: 2 }
        ));
        assert!(matches!(void(vec![(vec![b.clone(), a.clone()], Some(good.clone()))]), Void::Digest));
        let late = vec![(vec![a.clone()], Some(good.clone())), (vec![b.clone()], None)];
        assert!(matches!(void(late), Void::AfterTrailer));
        let homeless = ExportTrailer { store_id: String::new(), ..good };
        assert!(matches!(void(vec![(vec![a, b], Some(homeless))]), Void::NoStore));
    }
}
