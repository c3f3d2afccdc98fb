//! What CoinGecko says in place of prices, in all the shapes that were recorded:
//! `{"status":{"error_code":429,"error_message":"…"}}`,
//! `{"error_code":10010,"status":{"error_message":"…"}}`, `{"error":"…"}`,
//! `{"error":{"status":{…}}}`, and the firewall's `error code: 1020`.

use sonic_rs::{JsonValueTrait, LazyValue};

use super::{Kind, Members, members, shown, whole_object};

/// Objects inside each other that are looked into.
const LEVELS_MAX: usize = 3;
const PAGE_CODE: &str = "error code: ";

/// What CoinGecko says in place of prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Refusal {
    /// CoinGecko's code (10002, 10010 …), the firewall's (1020), or an HTTP status.
    pub(in crate::source) code: Option<u32>,
    /// What it says, shortened; may be empty.
    pub(in crate::source) message: String,
}

/// Reads the body of an answer whose status is not 200; `None` where it says nothing we know, as
/// an HTML page does.
#[must_use]
pub(in crate::source) fn refusal(body: &[u8]) -> Option<Refusal> {
    match whole_object(body) {
        Ok(text) => in_members(&members(text).ok()?),
        Err(_) => page_code(body),
    }
}

fn page_code(body: &[u8]) -> Option<Refusal> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let code = text.strip_prefix(PAGE_CODE)?.parse().ok()?;
    Some(Refusal { code: Some(code), message: shown(text) })
}

/// The refusal that an object is; `None` for prices, also those of the coin named `status`.
pub(super) fn in_members(members: &Members<'_>) -> Option<Refusal> {
    let mut said = Said::default();
    said.look_into(members, LEVELS_MAX);
    if said.code.is_none() && said.message.is_none() {
        return None;
    }
    Some(Refusal { code: said.code, message: said.message.unwrap_or_default() })
}

#[derive(Default)]
struct Said {
    code: Option<u32>,
    message: Option<String>,
}

impl Said {
    fn look_into(&mut self, object: &Members<'_>, levels: usize) {
        self.code = self.code.or_else(|| number(object.get("error_code")?));
        if self.message.is_none() {
            self.message = text(object.get("error_message")).or_else(|| text(object.get("error")));
        }
        let inner = ["status", "error"].into_iter().filter_map(|key| object.get(key));
        for raw in inner.map(LazyValue::as_raw_str).filter(|raw| Kind::of(raw) == Kind::Object) {
            if let (Some(levels), Ok(object)) = (levels.checked_sub(1), members(raw)) {
                self.look_into(&object, levels);
            }
        }
    }
}

fn text(value: Option<&LazyValue<'_>>) -> Option<String> {
    value?.as_str().map(shown)
}

/// A whole number, also one that is written as text.
fn number(value: &LazyValue<'_>) -> Option<u32> {
    value.as_str().unwrap_or(value.as_raw_str()).parse().ok()
}
