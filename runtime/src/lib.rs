//! Placeholder until the api helper's version lands.
