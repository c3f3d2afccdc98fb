//! Why a source cannot be opened or go on. Each error says what to do about it.

use std::io;

/// Why a source cannot be opened or go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A live venue, which this version cannot read.
    #[error(
        "source \"{source_name}\": \"{member}\" is read live, which this version does not do; use \
         binance, coinbase, kraken, coinGecko, archive or simulated"
    )]
    OpenLive {
        /// The source's name.
        source_name: String,
        /// What it is made of.
        member: &'static str,
    },
    /// No venue, or several.
    #[error("source \"{source_name}\" needs exactly one member, such as binance or simulated")]
    ChooseMember {
        /// The source's name.
        source_name: String,
    },
    /// Neither a file nor a directory.
    #[error("\"{path}\" does not exist; give a file of trades, or a directory with such files")]
    FindFile {
        /// The path as given.
        path: String,
    },
    /// The system does not let it be read.
    #[error("cannot read \"{path}\"; check that it is a readable file or directory")]
    ReadFile {
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// More files than one source takes.
    #[error("\"{path}\" holds more than {limit} files; give each source a directory of its own")]
    BoundFiles {
        /// The directory.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// No file belongs to the instrument.
    #[error(
        "\"{path}\" has no trades of \"{instrument}\"; looked for {expected}, {}",
        ignored_files(ignored)
    )]
    MatchFile {
        /// The path as given.
        path: String,
        /// The instrument.
        instrument: String,
        /// Which names would fit.
        expected: String,
        /// Files that were not taken, each with the reason.
        ignored: Vec<String>,
    },
    /// Neither name nor header nor columns tell what the rows are.
    #[error(
        "cannot tell whether \"{path}\" holds trades or aggregate trades; its columns fit neither, \
         use a file as the exchange publishes it"
    )]
    TellKind {
        /// The file.
        path: String,
    },
    /// The name says one thing and the columns another.
    #[error("\"{path}\" is named as {named}, but its rows are {found}; rename the file")]
    MatchKind {
        /// The file.
        path: String,
        /// `trades` or `aggTrades`.
        named: &'static str,
        /// `trades` or `aggTrades`.
        found: &'static str,
    },
    /// Rows of both kinds in one file.
    #[error("\"{path}\" holds {first}, but row {row} is one of {second}; split it into two files")]
    MixKinds {
        /// The file.
        path: String,
        /// The row, from 1.
        row: u64,
        /// `trades` or `aggTrades`.
        first: &'static str,
        /// `trades` or `aggTrades`.
        second: &'static str,
    },
    /// One series from files with different ids.
    #[error(
        "\"{instrument}\" would get two kinds of ids, from \"{first}\" and \"{second}\"; \
         keep either trades or aggTrades files"
    )]
    MixSpaces {
        /// The instrument.
        instrument: String,
        /// A file of one kind.
        first: String,
        /// A file of the other.
        second: String,
    },
    /// Truncated, or bytes that do not decompress.
    #[error(
        "\"{path}\" is damaged after row {row}; everything before was sent, fetch the file again \
         and start anew"
    )]
    ReadRows {
        /// The file.
        path: String,
        /// The last row that was read, from 1.
        row: u64,
        /// What is wrong with it.
        #[source]
        cause: io::Error,
    },
    /// Not text in UTF-8.
    #[error("\"{path}\" is encoded as UTF-16; save it as UTF-8")]
    ReadEncoding {
        /// The file.
        path: String,
    },
    /// A zip member that we cannot decompress.
    #[error("\"{path}\" is {problem}; pack it again with deflate and without a password")]
    ReadMember {
        /// The zip file and its member.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not an answer of Kraken's REST `Trades`, or one that is an error.
    #[error("\"{path}\" is no answer of Kraken's REST Trades: {detail}; fetch it again")]
    ReadAnswer {
        /// The file.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A JSON file larger than is read.
    #[error("\"{path}\" has more than {limit} bytes; keep one REST answer in a file")]
    BoundAnswer {
        /// The file.
        path: String,
        /// The limit.
        limit: u64,
    },
    /// No known quote currency at the end.
    #[error(
        "cannot split instrument \"{instrument}\" into base and quote currency; \
         write it as the venue does, such as {example}"
    )]
    SplitInstrument {
        /// The instrument.
        instrument: String,
        /// One that can be split.
        example: &'static str,
    },
    /// A plan without its key.
    #[error(
        "source \"{source_name}\": its plan needs a key; set COINGECKO_API_KEY, or write plan: \
         keyless"
    )]
    FindKey {
        /// The source's name.
        source_name: String,
    },
    /// Not an address of a host.
    #[error("\"{url}\" is no address; write one such as {scheme}://host or {scheme}://host:port")]
    ReadEndpoint {
        /// As written.
        url: String,
        /// What it may begin with.
        scheme: &'static str,
    },
    /// The system gives no client for HTTP.
    #[error("cannot set up an HTTP client; check the proxy and certificates of this machine")]
    OpenClient {
        /// What is wrong.
        #[source]
        cause: reqwest::Error,
    },
    /// The system gives no thread to read with.
    #[error("cannot start a thread to read \"{path}\"; raise the limit of threads")]
    StartReader {
        /// The path as given.
        path: String,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The reading thread is gone before the end.
    #[error("reading ended before the end of the files; start again and report this")]
    FinishReader,
}

/// Most ignored files that an error names.
const IGNORED_NAMED_MAX: usize = 5;

fn ignored_files(ignored: &[String]) -> String {
    if ignored.is_empty() {
        return "found no file".to_owned();
    }
    let named = ignored.iter().take(IGNORED_NAMED_MAX).cloned().collect::<Vec<_>>().join("; ");
    match ignored.len().checked_sub(IGNORED_NAMED_MAX) {
        None | Some(0) => format!("ignored {named}"),
        Some(more) => format!("ignored {named}; and {more} more"),
    }
}
