//! Paging: `limit` and `cursor` of a query, and the cursor of the next page.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::FieldError;

/// Cursors carry this in front, so that an identifier from elsewhere is not taken for one.
const CURSOR: &str = "before:";

/// Which page of a list is wanted: up to `limit` items that are older than `before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<Id> {
    /// How many at most.
    pub limit: usize,
    /// The last item of the page before.
    pub before: Option<Id>,
}

/// Every field of the query that is not what it must be.
pub type PageError = Vec<FieldError>;

impl<Id: FromStr + ToString> Page<Id> {
    /// Parses the query parameters.
    pub fn parse(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, PageError> {
        Self::within(100, 50, limit, cursor)
    }

    /// Parses the query parameters of a list that has `most` in a page, and `usual` of them if the query does not say.
    pub fn within(most: usize, usual: usize, limit: Option<&str>, cursor: Option<&str>) -> Result<Self, PageError> {
        let parsed_limit = limit.map_or(Some(usual), |text| text.parse().ok().filter(|n| (1..=most).contains(n)));
        let before = cursor.map(decode::<Id>);
        match (parsed_limit, before) {
            (Some(limit), None) => Ok(Self { limit, before: None }),
            (Some(limit), Some(Some(before))) => Ok(Self { limit, before: Some(before) }),
            (limit, before) => {
                let bad_limit =
                    limit.is_none().then(|| FieldError::new("limit", format!("must be a whole number 1-{most}")));
                let bad_cursor = (before.map(|b| b.is_none()) == Some(true))
                    .then(|| FieldError::new("cursor", "is not one of this list"));
                Err(bad_limit.into_iter().chain(bad_cursor).collect())
            }
        }
    }

    /// The cursor of the page that follows `last`.
    pub fn cursor(last: &Id) -> String {
        URL_SAFE_NO_PAD.encode(format!("{CURSOR}{}", last.to_string()))
    }
}

/// What a cursor stands for.
pub(crate) fn decode<Id: FromStr>(cursor: &str) -> Option<Id> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix(CURSOR)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use domain::{SessionId, Timestamp};

    use super::*;

    #[test]
    fn a_cursor_leads_to_its_item() {
        let id = SessionId::first_at(Timestamp::from_millis(1_795_348_800_000));
        let page = Page::<SessionId>::parse(Some("7"), Some(&Page::cursor(&id)));
        assert_eq!(page, Ok(Page { limit: 7, before: Some(id) }));
    }

    #[test]
    fn every_bad_parameter_is_named() {
        for limit in ["0", "101", "-1", "ten", "", "1.5"] {
            let errors = Page::<SessionId>::parse(Some(limit), Some("eHl6")).unwrap_err();
            let fields: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
            assert_eq!(fields, ["limit", "cursor"], "{limit}");
        }
    }
}
