//! Route keys of an HTTP API, and which one a request selects
//! ([routing](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html)).

use std::collections::BTreeMap;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::{error::BuildError, function::Function};

/// One `METHOD /path` of an HTTP API.
pub(crate) struct Route {
    pub(crate) key: String,
    pub(crate) function: Function,
    method: Option<Method>,
    segments: Vec<Segment>,
}

/// A part of a path between slashes. The order is the order of preference.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
    Greedy(String),
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            None => Self::Literal(text.to_owned()),
            Some(name) => match name.strip_suffix('+') {
                None => Self::Parameter(name.to_owned()),
                Some(name) => Self::Greedy(name.to_owned()),
            },
        }
    }

    /// How specific it is, for sorting; names do not matter.
    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Parameter(_) => 1,
            Self::Greedy(_) => 2,
        }
    }
}

/// The values of `{name}` and `{name+}`, percent-decoded.
pub(crate) type PathParameters = BTreeMap<String, String>;

impl Route {
    fn parse(key: &str, function: Function) -> Result<Self, BuildError> {
        let refused = || BuildError::HttpRouteKey(key.to_owned());
        let (method, path) = key.split_once(' ').ok_or_else(refused)?;
        let method = match method {
            "ANY" => None,
            named => Some(Method::from_bytes(named.as_bytes()).map_err(|_| refused())?),
        };
        let path = path.strip_prefix('/').ok_or_else(refused)?;
        let segments: Vec<Segment> = path.split('/').map(Segment::parse).collect();
        let is_greedy = |segment: &Segment| matches!(segment, Segment::Greedy(_));
        if segments.iter().rev().skip(1).any(is_greedy) {
            return Err(refused());
        }
        Ok(Self { key: key.to_owned(), function, method, segments })
    }

    fn specificity(&self) -> (bool, Vec<u8>, bool) {
        let ranks: Vec<u8> = self.segments.iter().map(Segment::rank).collect();
        (ranks.contains(&2), ranks, self.method.is_none())
    }

    fn matches(&self, method: &Method, path: &[&str]) -> Option<PathParameters> {
        if self.method.as_ref().is_some_and(|own| own != method) {
            return None;
        }
        let mut parameters = PathParameters::new();
        let mut rest = path;
        for segment in &self.segments {
            let (first, after) = rest.split_first()?;
            match segment {
                Segment::Literal(text) if text == first => {}
                Segment::Literal(_) => return None,
                Segment::Parameter(_) if first.is_empty() => return None,
                Segment::Parameter(name) => {
                    parameters.insert(name.clone(), decoded(first));
                }
                Segment::Greedy(name) => {
                    parameters.insert(name.clone(), decoded(&rest.join("/")));
                    return Some(parameters);
                }
            }
            rest = after;
        }
        rest.is_empty().then_some(parameters)
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The routes of one HTTP API.
#[derive(Default)]
pub(crate) struct Routes {
    explicit: Vec<Route>,
    default: Option<Function>,
}

impl Routes {
    /// Adds a route: `GET /path/{parameter}`, `ANY /files/{proxy+}` or `$default`.
    pub(crate) fn add(&mut self, key: &str, function: Function) -> Result<(), BuildError> {
        let taken = || BuildError::RouteTwice(key.to_owned());
        if key == "$default" {
            return match self.default.replace(function) {
                None => Ok(()),
                Some(_) => Err(taken()),
            };
        }
        let route = Route::parse(key, function)?;
        if self.explicit.iter().any(|other| other.key == route.key) {
            return Err(taken());
        }
        self.explicit.push(route);
        // The most specific first, so that the first match is the one AWS selects.
        self.explicit.sort_by_cached_key(Route::specificity);
        Ok(())
    }

    /// The explicit route that a request selects, with its path parameters.
    pub(crate) fn select(&self, method: &Method, path: &str) -> Option<(&Route, PathParameters)> {
        let path: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        self.explicit.iter().find_map(|route| Some((route, route.matches(method, &path)?)))
    }

    /// The function of `$default`.
    pub(crate) fn fallback(&self) -> Option<&Function> {
        self.default.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::function;

    fn routes(keys: &[&str]) -> Routes {
        let mut routes = Routes::default();
        for key in keys {
            routes.add(key, function(|event| async move { Ok(event) })).expect("a valid key");
        }
        routes
    }

    fn selected(routes: &Routes, method: Method, path: &str) -> Option<String> {
        routes.select(&method, path).map(|(route, _)| route.key.clone())
    }

    #[test]
    fn the_most_specific_route_is_selected_whatever_the_order_of_adding() {
        let routes =
            routes(&["GET /pets/{proxy+}", "ANY /pets/{id}", "GET /pets/{id}", "GET /pets/dog", "ANY /{proxy+}"]);
        assert_eq!(selected(&routes, Method::GET, "/pets/dog").as_deref(), Some("GET /pets/dog"));
        assert_eq!(selected(&routes, Method::GET, "/pets/cat").as_deref(), Some("GET /pets/{id}"));
        assert_eq!(selected(&routes, Method::PUT, "/pets/dog").as_deref(), Some("ANY /pets/{id}"));
        assert_eq!(selected(&routes, Method::GET, "/pets/dog/1").as_deref(), Some("GET /pets/{proxy+}"));
        assert_eq!(selected(&routes, Method::POST, "/a/b").as_deref(), Some("ANY /{proxy+}"));
    }

    #[test]
    fn a_request_that_no_route_describes_selects_none() {
        let routes = routes(&["GET /pets/{id}"]);
        for (method, path) in [
            (Method::GET, "/pets"),
            (Method::GET, "/pets/"),
            (Method::GET, "/pets/1/2"),
            (Method::HEAD, "/pets/1"),
            (Method::GET, "*"),
        ] {
            assert_eq!(selected(&routes, method, path), None, "{path}");
        }
    }

    #[test]
    fn path_parameters_are_percent_decoded() {
        let routes = routes(&["GET /pets/{id}", "GET /files/{proxy+}"]);
        let (_, parameters) = routes.select(&Method::GET, "/pets/a%20b").expect("matches");
        assert_eq!(parameters["id"], "a b");
        let (_, parameters) = routes.select(&Method::GET, "/files/a/b%2Fc").expect("matches");
        assert_eq!(parameters["proxy"], "a/b/c");
    }

    #[test]
    fn a_malformed_or_repeated_key_is_refused() {
        let mut routes = routes(&["GET /a", "$default"]);
        for key in ["GET", "/a", "GET a", "G(T /a", "GET /{all+}/b", "GET /a", "$default"] {
            let refused = routes.add(key, function(|event| async move { Ok(event) }));
            assert!(refused.is_err(), "{key}");
        }
    }
}
