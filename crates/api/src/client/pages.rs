//! Lists of several pages as one stream.

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tonic::Status;

/// A request for a page.
pub(super) trait Paged: Clone + Send + 'static {
    fn set_page_token(&mut self, token: String);
}

/// A page.
pub(super) trait Page: Send + 'static {
    type Item: Send + 'static;

    fn next_page_token(&self) -> &str;
    /// Its items; the last may be an error that makes the list incomplete.
    fn items(self) -> Vec<Result<Self::Item, Status>>;
}

/// Every page from the one that the request asks for; each is asked for when the one before was taken.
pub(super) fn pages<Q, P, F>(
    request: Q,
    ask: impl Fn(Q) -> F + Send + 'static,
) -> BoxStream<'static, Result<P, Status>>
where
    Q: Paged,
    P: Page,
    F: Future<Output = Result<P, Status>> + Send + 'static,
{
    stream::try_unfold(Some(request), move |next| {
        let asked = next.map(|request| (ask(request.clone()), request));
        async move {
            let Some((asked, mut request)) = asked else { return Ok(None) };
            let page = asked.await?;
            let token = page.next_page_token();
            let next = (!token.is_empty()).then(|| {
                request.set_page_token(token.to_owned());
                request
            });
            Ok(Some((page, next)))
        }
    })
    .boxed()
}

/// The items of the pages, one by one.
pub(super) fn items<P: Page>(
    pages: BoxStream<'static, Result<P, Status>>,
) -> BoxStream<'static, Result<P::Item, Status>> {
    pages.map_ok(|page| stream::iter(page.items())).try_flatten().boxed()
}

/// A request and a page of it, whose items are all of the list.
macro_rules! paged {
    ($request:path, $page:path, $items:ident: $item:path) => {
        impl crate::client::pages::Paged for $request {
            fn set_page_token(&mut self, token: String) {
                self.page_token = token;
            }
        }

        impl crate::client::pages::Page for $page {
            type Item = $item;

            fn next_page_token(&self) -> &str {
                &self.next_page_token
            }

            fn items(self) -> Vec<Result<$item, tonic::Status>> {
                self.$items.into_iter().map(Ok).collect()
            }
        }
    };
}
pub(super) use paged;
