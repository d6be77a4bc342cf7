//! The id under which a call is found in the logs of everyone who had to do with it.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The metadata with a call's id, in the request if the caller has one, and in every answer. Not the `request_id` of a
/// write, which is in the message.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids of callers are not taken.
const BYTES_MAX: usize = 128;

/// Digits of an id that is made here.
const DIGITS: usize = 16;

/// A call's id. Cheap to clone: a header is made of it only where one goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Text);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Text {
    Given(HeaderValue),
    Made([u8; DIGITS]),
}

impl RequestId {
    /// The caller's id, if it is one that can be logged.
    pub fn given(headers: &HeaderMap) -> Option<Self> {
        let id = headers.get(REQUEST_ID)?;
        let usable = !id.is_empty() && id.len() <= BYTES_MAX && id.to_str().is_ok();
        usable.then(|| Self(Text::Given(id.clone())))
    }

    /// The id with that number: sixteen hexadecimal digits.
    pub fn numbered(number: u64) -> Self {
        let mut text = [0; DIGITS];
        for (digit, shift) in text.iter_mut().zip((0..64).step_by(4).rev()) {
            *digit = b"0123456789abcdef"[(number >> shift & 0xf) as usize];
        }
        Self(Text::Made(text))
    }

    /// As it is logged.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Given(id) => id.to_str().unwrap_or_default(),
            Text::Made(digits) => str::from_utf8(digits).unwrap_or_default(),
        }
    }

    /// As it goes out. It never comes again, so the connection need not remember it.
    pub fn header(&self) -> HeaderValue {
        let mut header = match &self.0 {
            Text::Given(id) => id.clone(),
            Text::Made(digits) => HeaderValue::from_bytes(digits).expect("digits are visible"),
        };
        header.set_sensitive(true);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_when_it_can_be_logged() {
        let given = |id: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
            RequestId::given(&headers)
        };
        let mine = given(b"mine").unwrap();
        assert_eq!((mine.as_str(), mine.header().as_bytes()), ("mine", &b"mine"[..]));
        for unusable in [&b""[..], b"\xff", &[b'x'; 129]] {
            assert_eq!(given(unusable), None);
        }
        assert_eq!(RequestId::given(&HeaderMap::new()), None);
    }

    #[test]
    fn a_number_is_written_in_full() {
        let id = RequestId::numbered(0x12_ab00);
        assert_eq!((id.as_str(), id.header().as_bytes()), ("000000000012ab00", &b"000000000012ab00"[..]));
    }
}
