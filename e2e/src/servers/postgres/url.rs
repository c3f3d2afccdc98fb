//! `postgres://user:password@host:port/database?options`, as far as the harness changes it.

use std::fmt;

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Url {
    scheme: String,
    /// With its `@`, or empty.
    user: String,
    host: String,
    pub(super) database: String,
    /// With its `?`, or empty.
    options: String,
}

impl Url {
    /// # Panics
    /// When it is no such URL; it is not repeated, for it may hold a password.
    pub(super) fn parse(url: &str) -> Self {
        let (scheme, rest) =
            url.split_once("://").expect("DATABASE_URL and TIMESCALE_URL are postgres://… URLs");
        let (rest, options) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        Self {
            scheme: scheme.to_owned(),
            user: user.to_owned(),
            host: host.to_owned(),
            database: if database.is_empty() { "postgres" } else { database }.to_owned(),
            options: options.to_owned(),
        }
    }

    pub(super) fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    pub(super) fn with_user(&self, user: &str) -> Self {
        Self { user: format!("{user}@"), ..self.clone() }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, user, host, database, options } = self;
        write!(formatter, "{scheme}://{user}{host}/{database}{options}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_and_the_user_change() {
        for (given, expected) in [
            ("postgres://host", "postgres://x@host/d"),
            (
                "postgres://me:p%40@[::1]:5/old?sslmode=require",
                "postgres://x@[::1]:5/d?sslmode=require",
            ),
            ("postgresql://me@host/", "postgresql://x@host/d"),
        ] {
            let url = Url::parse(given);
            assert_eq!(url.with_database("d").with_user("x").to_string(), expected, "{given}");
        }
        let kept = Url::parse("postgres://me:secret@host:1/old").with_database("new");
        assert_eq!(kept.to_string(), "postgres://me:secret@host:1/new");
    }
}
