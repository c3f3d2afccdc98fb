//! What the file of a run holds besides candles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use worker::store::FILE_NAME;

/// Alerts and gaps are exactly once, in one transaction with the candles. Left out
/// is `topic_offset` alone: each start has a new broker, whose offsets begin at 0.
/// `seq` is kept in the state and goes on, so it is compared.
const ALERTS: &str = "SELECT json_array(symbol, source, alert_id, alert_type, rule, \
     price_change_percent, open_price, close_price, window_start_ms, window_end_ms, event_time_ns, \
     severity, z_score, topic_partition, seq) FROM alert JOIN series USING (series_id) ORDER BY 1";
const GAPS: &str = "SELECT json_array(symbol, from_id, to_id, source), from_ns, to_ns, reason \
     FROM gap JOIN series USING (series_id)";
/// Dead letters are at least once: the same record may stand there again, under the
/// generation and offset of another start. As a set by content they are the same.
const DEAD_LETTERS: &str = "SELECT json_array(reason, partition, detail, CAST(key AS TEXT)), \
     CAST(value AS TEXT) FROM dead_letter";

/// When the trades of a gap happened, and why they are missing.
pub(crate) type Cause = (i64, i64, String);

/// Rows as JSON texts.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) alerts: Vec<String>,
    /// Whose ids are missing, and why.
    pub(crate) gaps: BTreeMap<String, Cause>,
    /// What is said of a record, and the record.
    pub(crate) dead_letters: BTreeSet<(String, String)>,
}

impl Stored {
    pub(crate) fn read(data_dir: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let file = data_dir.join(FILE_NAME);
            let options = SqliteConnectOptions::new().filename(file).read_only(true);
            let mut connection = options.connect().await.unwrap();
            let letters = sqlx::query_as::<_, (String, String)>(DEAD_LETTERS);
            let letters = letters.fetch_all(&mut connection).await.unwrap();
            Self {
                alerts: sqlx::query_scalar(ALERTS).fetch_all(&mut connection).await.unwrap(),
                gaps: gaps(&mut connection).await,
                dead_letters: letters.into_iter().collect(),
            }
        })
    }

    /// Leaves out the dead letters of trades that another run was never sent, and says so in their
    /// gaps. A trade that is too late can no longer be folded, so that the position goes past its
    /// id while disorder still holds it back; a start after that does not send it.
    /// Its id stays a hole then, with the span of time of a hole, as it was until the trade came.
    pub(crate) fn leave_out_what_was_never_sent_to(&mut self, other: &Self) {
        let mut never_sent = BTreeSet::new();
        for (gap, cause) in &mut self.gaps {
            let Some(hole) = other.gaps.get(gap).filter(|other| other.2 == "unexplained_gap")
            else {
                continue;
            };
            if cause.2 == "late" && hole.0 <= cause.0 && cause.1 <= hole.1 {
                cause.clone_from(hole);
                let gap: Value = serde_json::from_str(gap).unwrap();
                assert_eq!(gap[1], gap[2], "a late trade is one id");
                never_sent.insert((gap[0].to_string(), gap[1].to_string()));
            }
        }
        self.dead_letters.retain(|(said, record)| {
            let record: Value = serde_json::from_str(record).unwrap();
            let trade = (record["symbol"].to_string(), record["trade_id"].to_string());
            !(said.starts_with("[\"late\"") && never_sent.contains(&trade))
        });
    }
}

async fn gaps(connection: &mut SqliteConnection) -> BTreeMap<String, Cause> {
    let rows = sqlx::query_as::<_, (String, i64, i64, String)>(GAPS).fetch_all(connection);
    let rows = rows.await.unwrap().into_iter();
    rows.map(|(gap, from_ns, to_ns, reason)| (gap, (from_ns, to_ns, reason))).collect()
}
