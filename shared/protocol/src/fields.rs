//! Reads a JSON object field by field, and remembers every field that is not what it must be.
//!
//! Deriving `Deserialize` stops at the first bad field and knows no ranges; a client wants to hear of all of them at
//! once, by name.

use std::collections::BTreeMap;

#[cfg(test)]
use domain::Error;
use domain::FieldError;
use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;

/// The fields of one JSON object that have not been read yet, and what was wrong with those that have.
pub struct Fields<'a> {
    path: String,
    unread: BTreeMap<String, &'a RawValue>,
    errors: Vec<FieldError>,
}

const MISSING: &str = "is missing";

/// The number, if it is whole, however it is written: 3.0 is an integer (JSON Schema 2020-12, 4.2.3).
fn whole(number: &Number) -> Option<u64> {
    let written = || number.as_f64().filter(|n| n.fract() == 0.0).and_then(|n| format!("{n:.0}").parse().ok());
    number.as_u64().or_else(written)
}

impl<'a> Fields<'a> {
    /// Reads a whole object with `read`; a field that it does not ask for is unknown, and unknown fields are bad.
    /// `name` stands for the object itself where it is none.
    pub fn read<T>(json: &'a str, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Vec<FieldError>> {
        let not_an_object = || vec![FieldError::new(name, "must be a JSON object")];
        let unread = serde_json::from_str(json).map_err(|_| not_an_object())?;
        let mut fields = Self { path: String::new(), unread, errors: Vec::new() };
        let value = read(&mut fields);
        fields.refuse_unknown();
        match value {
            Some(value) if fields.errors.is_empty() => Ok(value),
            _ => Err(fields.errors),
        }
    }

    /// A text that `parse` accepts; its error says what the text must be.
    pub fn text<T>(&mut self, name: &str, parse: impl FnOnce(String) -> Result<T, &'static str>) -> Option<T> {
        self.required(name, "must be a string", parse)
    }

    /// Like [`Fields::text`], where the field may be missing or null.
    pub fn optional_text<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, &'static str>,
    ) -> Option<Option<T>> {
        self.optional(name, "must be a string", parse)
    }

    /// A whole number that `parse` accepts.
    pub fn number<T>(&mut self, name: &str, parse: impl FnOnce(u64) -> Result<T, &'static str>) -> Option<T> {
        const KIND: &str = "must be a whole number";
        self.required(name, KIND, |number: Number| whole(&number).ok_or(KIND).and_then(parse))
    }

    /// A whole number that `parse` accepts, where the field may be missing or null.
    pub fn optional_number<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(u64) -> Result<T, &'static str>,
    ) -> Option<Option<T>> {
        const KIND: &str = "must be a whole number";
        self.optional(name, KIND, |number: Number| whole(&number).ok_or(KIND).and_then(parse))
    }

    /// Any number from the first to the second one, where the field may be missing or null.
    pub fn optional_decimal(
        &mut self,
        name: &str,
        (least, most): (f64, f64),
        must: &'static str,
    ) -> Option<Option<f64>> {
        self.optional(name, must, |number: f64| if (least..=most).contains(&number) { Ok(number) } else { Err(must) })
    }

    /// True or false.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.required(name, "must be true or false", Ok)
    }

    /// True or false, where the field may be missing or null.
    pub fn optional_flag(&mut self, name: &str) -> Option<Option<bool>> {
        self.optional(name, "must be true or false", Ok)
    }

    /// Like [`Fields::object`], where the field may be missing or null.
    pub fn optional_object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.has(name) {
            return self.object(name, read).map(|(value, _)| Some(value));
        }
        self.unread.remove(name);
        Some(None)
    }

    /// Any JSON that `parse` accepts, where the field may be missing or null.
    pub fn optional_json<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&'a RawValue) -> Result<T, &'static str>,
    ) -> Option<Option<T>> {
        self.optional(name, "must be JSON", parse)
    }

    /// An object that `read` reads; its fields are reported with this one's name in front.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<(T, &'a RawValue)> {
        let raw = self.take(name).or_else(|| self.refuse(name, MISSING))?;
        self.inside(name, raw, read).map(|value| (value, raw))
    }

    /// A list of at most `most` objects, each of which `read` reads; empty where the field is missing or null. Their fields are reported
    /// with the place in the list in front: `peers[3].score`.
    pub fn objects<T>(
        &mut self,
        name: &str,
        most: usize,
        must: &str,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(raw) = self.take(name) else {
            return Some(Vec::new());
        };
        match serde_json::from_str::<Vec<&'a RawValue>>(raw.get()) {
            Ok(list) if list.len() <= most => {
                let each = list.into_iter().enumerate();
                let all: Vec<_> = each.map(|(at, raw)| self.inside(&format!("{name}[{at}]"), raw, &read)).collect();
                all.into_iter().collect()
            }
            Ok(_) | Err(_) => self.refuse(name, must),
        }
    }

    fn inside<T>(&mut self, name: &str, raw: &'a RawValue, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let Ok(unread) = serde_json::from_str(raw.get()) else {
            return self.refuse(name, "must be an object");
        };
        let path = format!("{}{name}.", self.path);
        let mut inner = Self { path, unread, errors: Vec::new() };
        let value = read(&mut inner);
        inner.refuse_unknown();
        let clean = inner.errors.is_empty();
        self.errors.append(&mut inner.errors);
        value.filter(|_| clean)
    }

    /// Whether the field is there and not null. Does not read it.
    pub fn has(&self, name: &str) -> bool {
        self.unread.get(name).is_some_and(|raw| raw.get() != "null")
    }

    /// Reports a field; always `None`, so that it can end an expression.
    pub fn refuse<T>(&mut self, name: &str, reason: &str) -> Option<T> {
        self.errors.push(FieldError::new(format!("{}{name}", self.path), reason));
        None
    }

    fn required<R: Deserialize<'a>, T>(
        &mut self,
        name: &str,
        kind: &str,
        parse: impl FnOnce(R) -> Result<T, &'static str>,
    ) -> Option<T> {
        if !self.has(name) {
            self.unread.remove(name);
            return self.refuse(name, MISSING);
        }
        self.optional(name, kind, parse).flatten()
    }

    fn optional<R: Deserialize<'a>, T>(
        &mut self,
        name: &str,
        kind: &str,
        parse: impl FnOnce(R) -> Result<T, &'static str>,
    ) -> Option<Option<T>> {
        let Some(raw) = self.take(name) else {
            return Some(None);
        };
        let Ok(value) = serde_json::from_str(raw.get()) else {
            return self.refuse(name, kind);
        };
        match parse(value) {
            Ok(value) => Some(Some(value)),
            Err(reason) => self.refuse(name, reason),
        }
    }

    fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.unread.remove(name).filter(|raw| raw.get() != "null")
    }

    fn refuse_unknown(&mut self) {
        for name in std::mem::take(&mut self.unread).into_keys() {
            self.refuse::<()>(&name, "is not known");
        }
    }
}

/// The fields that a request was refused for.
#[cfg(test)]
pub(crate) fn refused<T>(result: Result<T, Error>) -> Vec<String> {
    match result {
        Err(Error::InvalidRequest(errors)) => errors.into_iter().map(|e| e.field).collect(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("accepted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<(String, Option<u64>), Vec<String>> {
        let read = |f: &mut Fields<'_>| {
            let name = f.text("name", Ok);
            let age = f.optional_number("age", |n| if n < 150 { Ok(n) } else { Err("must be below 150") });
            Some((name?, age?))
        };
        Fields::read(json, "body", read)
            .map_err(|errors| errors.into_iter().map(|e| format!("{} {}", e.field, e.reason)).collect())
    }

    #[test]
    fn null_is_as_good_as_missing() {
        assert_eq!(read(r#"{"name":"x","age":null}"#), Ok(("x".to_owned(), None)));
        assert_eq!(read(r#"{"name":null}"#), Err(vec!["name is missing".to_owned()]));
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        for age in ["30", "30.0", "3e1"] {
            assert_eq!(read(&format!(r#"{{"name":"x","age":{age}}}"#)), Ok(("x".to_owned(), Some(30))), "{age}");
        }
        for age in ["30.5", "-1", "-1.0", "1e300", "\"30\"", "{}"] {
            let refused = read(&format!(r#"{{"name":"x","age":{age}}}"#));
            assert_eq!(refused, Err(vec!["age must be a whole number".to_owned()]), "{age}");
        }
    }

    #[test]
    fn every_bad_field_is_reported() {
        let errors = read(r#"{"name":7,"age":200,"extra":{}}"#).unwrap_err();
        assert_eq!(errors, ["name must be a string", "age must be below 150", "extra is not known"]);
    }

    #[test]
    fn what_is_not_an_object_is_named_itself() {
        for json in ["", "[]", "7", "null", "{\"name\":", "\"x\"", &"[".repeat(200)] {
            assert_eq!(read(json), Err(vec!["body must be a JSON object".to_owned()]), "{json}");
        }
    }

    #[test]
    fn fields_of_inner_objects_carry_their_path() {
        let json = r#"{"offer":{"sdpp":"x"}}"#;
        let errors = Fields::read(json, "data", |f| f.object("offer", |o| o.text("sdp", Ok))).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["offer.sdp", "offer.sdpp"]);
    }
}
