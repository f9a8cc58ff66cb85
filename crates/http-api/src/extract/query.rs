//! Query parameters, read one by one so that every fault names its parameter.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::str::FromStr;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::problem::{ApiError, FieldFault};

/// The parameters of a request. Take the parameters that the route knows, then call [`Params::finish`], which refuses
/// the rest, so that a mistyped parameter is not ignored silently.
pub(crate) struct Params {
    given: BTreeMap<String, Vec<String>>,
    known: Vec<&'static str>,
    faults: Vec<FieldFault>,
}

impl FromRequest for Params {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string()))
    }
}

/// The largest number of an entry: the largest that every database can store.
pub(crate) const MOST: u64 = i64::MAX.unsigned_abs();

/// The number of an entry, as a text.
pub(crate) struct EntryNumber(pub(crate) u64);

impl FromStr for EntryNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number| *number <= MOST);
        number.map(Self).ok_or_else(|| format!("is not a whole number from 0 to {MOST}"))
    }
}

/// The query of a route without parameters.
pub(crate) struct NoParams;

impl FromRequest for NoParams {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Params::parse(request.query_string()).and_then(Params::finish).map(|()| Self))
    }
}

impl Params {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|error| ApiError::field("query", error.to_string()))?
            .into_inner();
        let mut params = Self { given: BTreeMap::new(), known: Vec::new(), faults: Vec::new() };
        for (name, value) in pairs {
            params.given.entry(name).or_default().push(value);
        }
        Ok(params)
    }

    fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.push(FieldFault { field: name.to_owned(), detail: detail.into() });
    }

    fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let mut values = self.given.remove(name)?;
        if values.len() > 1 {
            self.fault(name, "is given more than once");
        }
        values.pop()
    }

    /// A parameter of any type that can be parsed.
    pub(crate) fn take<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(name)?;
        text.parse().map_err(|error| self.fault(name, format!("{text:?}: {error}"))).ok()
    }

    /// A list: one parameter with commas, or one parameter for each value.
    pub(crate) fn list<T: FromStr>(&mut self, name: &'static str) -> Vec<T>
    where
        T::Err: std::fmt::Display,
    {
        self.known.push(name);
        let given = self.given.remove(name).unwrap_or_default();
        let mut values = Vec::new();
        for word in given.iter().flat_map(|text| text.split(',')) {
            match word.trim().parse::<T>() {
                Ok(value) => values.push(value),
                Err(error) => self.fault(name, error.to_string()),
            }
        }
        values
    }

    /// A whole number within bounds.
    pub(crate) fn number(&mut self, name: &'static str, bounds: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let text = self.text(name)?;
        match text.parse::<u64>() {
            Ok(number) if bounds.contains(&number) => Some(number),
            _ => {
                let (low, high) = (bounds.start(), bounds.end());
                let range = if *high >= MOST {
                    format!("a whole number from {low} on")
                } else {
                    format!("a whole number from {low} to {high}")
                };
                self.fault(name, format!("{text:?} is not {range}"));
                None
            }
        }
    }

    /// A duration: `2s`, `500ms`, or a number of seconds.
    pub(crate) fn span(&mut self, name: &'static str, most: Duration) -> Option<Duration> {
        let text = self.text(name)?;
        let (digits, unit) = match text.strip_suffix("ms") {
            Some(digits) => (digits, 1),
            None => (text.strip_suffix('s').unwrap_or(&text), 1_000),
        };
        let span = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).map(Duration::from_millis);
        match span {
            Some(span) if span <= most => Some(span),
            _ => {
                self.fault(name, format!("{text:?} is not a time such as 2s or 500ms, at most {}s", most.as_secs()));
                None
            }
        }
    }

    /// Adds a fault that the route found.
    pub(crate) fn refuse(&mut self, name: &'static str, detail: impl Into<String>) {
        self.fault(name, detail);
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All faults: wrong values, repeated parameters, and those that the route does not know.
    pub(crate) fn finish(mut self) -> Result<(), ApiError> {
        let unknown: Vec<String> = self.given.keys().cloned().collect();
        for name in unknown {
            let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
            self.fault(&name, format!("is not a parameter of this route; there are: {known}"));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(ApiError::Invalid(self.faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(params: Params) -> String {
        params.finish().expect_err("faults").to_string()
    }

    #[test]
    fn every_fault_is_named() {
        let mut params = Params::parse("limit=-1&after=x&limt=3&wait=1h").expect("a query");
        assert_eq!(params.number("limit", 1..=1_000), None);
        assert_eq!(params.number("after", 0..=MOST), None);
        assert_eq!(params.span("wait", Duration::from_secs(30)), None);
        let text = faults(params);
        assert!(text.contains("limit: \"-1\" is not a whole number from 1 to 1000"), "{text}");
        assert!(text.contains("after: \"x\" is not a whole number from 0 on"), "{text}");
        assert!(text.contains("limt: is not a parameter of this route; there are: limit, after, wait"), "{text}");
        assert!(text.contains("wait: \"1h\" is not a time"), "{text}");
    }

    #[test]
    fn what_is_right_is_taken() {
        let mut params = Params::parse("limit=5&status=running,idle&wait=500ms&q=a%20b").expect("a query");
        assert_eq!(params.number("limit", 1..=10), Some(5));
        assert_eq!(params.list::<String>("status"), ["running", "idle"]);
        assert_eq!(params.span("wait", Duration::from_secs(30)), Some(Duration::from_millis(500)));
        assert_eq!(params.take::<String>("q").as_deref(), Some("a b"));
        assert!(params.finish().is_ok());
    }

    #[test]
    fn a_repeated_parameter_is_a_fault() {
        let mut params = Params::parse("limit=5&limit=6").expect("a query");
        let _ = params.number("limit", 1..=10);
        assert_eq!(faults(params), "limit: is given more than once");
    }
}
