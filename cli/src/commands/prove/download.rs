//! The files from the exchange's site, with their checksums.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Client, Response, StatusCode, Url};

use super::checksum::{self, EXTENSION};
use super::{Day, Kind, Taken};
use crate::commands::http;
use crate::failure::Failure;

/// Larger than any day's file.
const FILE_BYTES_MAX: u64 = 16 << 30;
const CHECKSUM_BYTES_MAX: u64 = 4 << 10;

/// A site, and where its files are put.
pub(super) struct Site {
    client: Client,
    url: Url,
    dir: PathBuf,
}

impl Site {
    pub(super) fn new(site: &str, dir: &std::path::Path) -> Result<Self, Failure> {
        let url = http::parse_url(site, "--site")?;
        fs::create_dir_all(dir).with_context(|| format!("cannot make \"{}\"", dir.display()))?;
        Ok(Self { client: http::client(&url)?, url, dir: dir.to_owned() })
    }

    /// Downloads one file and verifies it.
    pub(super) async fn take(&self, day: &Day<'_>, kind: Kind) -> Result<Taken, Failure> {
        let path = self.dir.join(format!("{}.zip", day.stem(kind)));
        let url = self.at(&day.site_path(kind));
        let response = self.get(&url, day).await?;
        let length = response.content_length();
        save(response, File::create(&path)?, FILE_BYTES_MAX, &bar(length, &day.stem(kind)))
            .await
            .with_context(|| format!("cannot download {url}; try again"))?;
        let beside = self.dir.join(format!("{}.zip{EXTENSION}", day.stem(kind)));
        let url = self.at(&format!("{}{EXTENSION}", day.site_path(kind)));
        let response = self.get(&url, day).await?;
        save(response, File::create(&beside)?, CHECKSUM_BYTES_MAX, &ProgressBar::hidden())
            .await
            .with_context(|| format!("cannot download {url}; try again"))?;
        checksum::verify(&path, &String::from_utf8_lossy(&fs::read(&beside)?))?;
        Ok(Taken { path, verified: true })
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{path}"));
        url
    }

    async fn get(&self, url: &Url, day: &Day<'_>) -> Result<Response, Failure> {
        let response = self.client.get(url.clone()).send().await.map_err(|error| {
            anyhow::Error::from(error.without_url()).context(format!(
                "cannot reach {}; set HTTPS_PROXY if this network needs it, or name downloaded \
                 files with --from",
                self.url.origin().ascii_serialization()
            ))
        })?;
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::NOT_FOUND => Err(Failure::settings(format!(
                "there is no {url}: a day's files appear on the next day; check --venue, \
                 --instrument \"{}\" and --date {}",
                day.instrument, day.date
            ))),
            status => Err(anyhow!("{url} answered {status}; try again later").into()),
        }
    }
}

/// Writes the body as it comes.
async fn save(
    mut response: Response,
    mut file: File,
    bytes_max: u64,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let mut length = 0;
    while let Some(chunk) = response.chunk().await? {
        length += u64::try_from(chunk.len())?;
        if length > bytes_max {
            return Err(anyhow!("it is larger than {bytes_max} bytes"));
        }
        file.write_all(&chunk)?;
        bar.set_position(length);
    }
    bar.finish_and_clear();
    Ok(file.sync_all()?)
}

/// Drawn on a terminal only.
fn bar(length: Option<u64>, name: &str) -> ProgressBar {
    let template = match length {
        Some(_) => "{bar:30} {percent:>3}%  {bytes} of {total_bytes}, {bytes_per_sec}  {msg}",
        None => "{spinner} {bytes}, {bytes_per_sec}  {msg}",
    };
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(name.to_owned())
}
