//! One file of trades, or one member of a zip: where its bytes are, and how to read them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder};
use flate2::{Crc, CrcReader};

use super::super::SourceError;
use super::zipped;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Text of a part, decompressed as it is read.
pub(super) type Text = BufReader<Box<dyn Read + Send>>;

/// How the bytes of a part are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Storage {
    /// As they are.
    Plain,
    /// In gzip members.
    Gzip,
    /// As a member of a zip file.
    Zipped(Member),
}

/// Where a member of a zip file lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub name: String,
    pub start: u64,
    pub length: u64,
    pub deflated: bool,
    /// The checksum of its text; `None` where the zip file is damaged and its end is not known.
    pub crc32: Option<u32>,
}

/// One file of trades, or one member of a zip.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub path: PathBuf,
    pub storage: Storage,
    /// How errors name it.
    pub label: Arc<str>,
    /// File names without extensions: the member's, and the file's where it holds one part only.
    pub stems: Vec<String>,
    /// Bytes as stored.
    pub length: u64,
}

impl Part {
    /// The parts of a file; `None` where the extension is not one of ours.
    pub(super) fn of_file(path: &Path, extension: &str) -> Result<Option<Vec<Self>>, SourceError> {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let stem = |suffix: &str| Some(name.strip_suffix(suffix)?.to_owned());
        let whole = |storage, stem: String| -> Result<_, SourceError> {
            let cause = |cause| SourceError::ReadFile { path: path.display().to_string(), cause };
            let length = std::fs::metadata(path).map_err(cause)?.len();
            let label = path.display().to_string().into();
            Ok(Self { path: path.to_owned(), storage, label, stems: vec![stem], length })
        };
        if let Some(stem) = stem(&format!(".{extension}")) {
            return Ok(Some(vec![whole(Storage::Plain, stem)?]));
        }
        if let Some(stem) = stem(&format!(".{extension}.gz")) {
            return Ok(Some(vec![whole(Storage::Gzip, stem)?]));
        }
        let zip = stem(".zip").or_else(|| stem(&format!(".{extension}.zip")));
        zip.map(|stem| Self::of_zip(path, &stem, extension)).transpose()
    }

    fn of_zip(path: &Path, stem: &str, extension: &str) -> Result<Vec<Self>, SourceError> {
        let suffix = format!(".{extension}");
        let mut members = zipped::members(path)?;
        members.retain(|member| member.name.ends_with(&suffix));
        let alone = members.len() == 1;
        let file_length = std::fs::metadata(path).map_or(0, |file| file.len());
        let part = |member: Member| {
            let file_name = member.name.rsplit('/').next().unwrap_or_default();
            let mut stems = vec![file_name.trim_end_matches(&suffix).to_owned()];
            if alone && stems[0] != stem {
                stems.push(stem.to_owned());
            }
            let label = format!("{}!{}", path.display(), member.name).into();
            let length = member.length.min(file_length);
            Self { path: path.to_owned(), storage: Storage::Zipped(member), label, stems, length }
        };
        Ok(members.into_iter().map(part).collect())
    }

    /// Opens it; stored bytes are counted in `done` as they are read.
    pub(super) fn open(&self, done: &Arc<AtomicU64>) -> Result<Text, SourceError> {
        let cause = |cause| SourceError::ReadFile { path: self.label.to_string(), cause };
        let mut file = File::open(&self.path).map_err(cause)?;
        if let Storage::Zipped(member) = &self.storage {
            file.seek(SeekFrom::Start(member.start)).map_err(cause)?;
        }
        let file = BufReader::new(Metered { inner: file, done: Arc::clone(done) });
        let bytes: Box<dyn Read + Send> = match &self.storage {
            Storage::Plain => Box::new(file),
            Storage::Gzip => Box::new(MultiGzDecoder::new(file)),
            Storage::Zipped(member) => {
                let stored = file.take(member.length);
                let crc32 = member.crc32;
                if member.deflated {
                    let text = CrcReader::new(DeflateDecoder::new(stored));
                    Box::new(Checked { inner: text, crc: CrcReader::crc, crc32 })
                } else {
                    let text = CrcReader::new(stored);
                    Box::new(Checked { inner: text, crc: CrcReader::crc, crc32 })
                }
            }
        };
        let mut text: Text = BufReader::new(bytes);
        let damage = |cause| SourceError::ReadRows { path: self.label.to_string(), row: 0, cause };
        let first = text.fill_buf().map_err(damage)?;
        if UTF16_MARKS.iter().any(|mark| first.starts_with(mark)) {
            return Err(SourceError::ReadEncoding { path: self.label.to_string() });
        }
        if first.starts_with(UTF8_MARK) {
            text.consume(UTF8_MARK.len());
        }
        Ok(text)
    }
}

/// Counts the bytes read.
struct Metered<R> {
    inner: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(bytes)?;
        self.done.fetch_add(u64::try_from(length).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(length)
    }
}

/// Compares the checksum at the end.
struct Checked<R> {
    inner: R,
    crc: fn(&R) -> &Crc,
    crc32: Option<u32>,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(bytes)?;
        if length > 0 || bytes.is_empty() {
            return Ok(length);
        }
        match self.crc32 {
            Some(crc32) if (self.crc)(&self.inner).sum() == crc32 => Ok(0),
            Some(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checksum of the zip member does not match its text",
            )),
            None => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the zip file ends before its directory",
            )),
        }
    }
}
